# -DARCA_COVERAGE=ON: arca and the unit tests note what of src/ has run, `report` prints it. See record.cpp.
function(arca_record program)
  set(record ${CMAKE_BINARY_DIR}/coverage/${program})
  # Code grows up to 256 MB here; the file is as large as what is written to it. Any user's test may write.
  add_custom_command(TARGET ${program} POST_BUILD COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/coverage
                     COMMAND rm -f ${record} COMMAND truncate -s 256M ${record} COMMAND chmod 666 ${record} VERBATIM)
  add_library(record_${program} OBJECT ${CMAKE_SOURCE_DIR}/tests/coverage/record.cpp)
  target_compile_definitions(record_${program} PRIVATE ARCA_COVERAGE_FILE="${record}")
  target_compile_options(record_${program} PRIVATE -O2 -fno-sanitize=all)
  target_sources(${program} PRIVATE $<TARGET_OBJECTS:record_${program}>)
endfunction()
