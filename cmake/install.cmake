# What `cmake --install` puts where, and the Debian package that cpack makes of it.
include(GNUInstallDirs)
install(TARGETS arca RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(DIRECTORY man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 FILES_MATCHING PATTERN "*.8")
install(DIRECTORY man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 FILES_MATCHING PATTERN "*.7")
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(DIRECTORY contrib/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# arca prints its own completions, which an arca for another machine cannot do while it is being built.
if(NOT CMAKE_CROSSCOMPILING)
  set(completions "")
  foreach(shell bash zsh fish)
    set(file ${CMAKE_BINARY_DIR}/completions/${shell})
    add_custom_command(OUTPUT ${file} COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/completions
                       COMMAND arca completion ${shell} > ${file} DEPENDS arca)
    list(APPEND completions ${file})
  endforeach()
  add_custom_target(completions ALL DEPENDS ${completions})
  set(share ${CMAKE_INSTALL_DATAROOTDIR})
  install(FILES ${CMAKE_BINARY_DIR}/completions/bash DESTINATION ${share}/bash-completion/completions RENAME arca)
  install(FILES ${CMAKE_BINARY_DIR}/completions/zsh DESTINATION ${share}/zsh/vendor-completions RENAME _arca)
  install(FILES ${CMAKE_BINARY_DIR}/completions/fish DESTINATION ${share}/fish/vendor_completions.d RENAME arca.fish)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME arca)
set(CPACK_PACKAGE_CONTACT "the developers of arca <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "OCI container runtime")
set(CPACK_PACKAGE_DESCRIPTION "arca runs containers as the OCI runtime specification describes them, for engines
such as containerd, CRI-O, Docker and Podman, or by hand. It takes the place of
runc and crun.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "procps, uidmap, criu") # the table of `arca ps`; more than one id for ordinary users; checkpoints
if(NOT ARCA_STATIC OR ARCA_SANITIZE)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
endif()
include(CPack)
