# What the suites of engines are made of; sourced by them. A check is a function check_NAME; it prints the detail of its
# failure, and returns 77 after it has printed why it was skipped.
SKIPPED=77
IMAGE=localhost/busybox:test

# expect STATUS OUTPUT COMMAND...
expect() {
	local status=$1 output=$2 got got_status
	shift 2
	got=$("$@" 2>"$WORK/stderr")
	got_status=$?
	[ "$got_status" = "$status" ] && [ "$got" = "$output" ] && return
	echo "expected status $status and '$output', got $got_status and '$got' from: $* ($(head -c 600 "$WORK/stderr"))"
	return 1
}
# refused STATUS WORD COMMAND...: fails, and says the word
refused() {
	local status=$1 word=$2 got_status
	shift 2
	"$@" >"$WORK/stdout" 2>"$WORK/stderr"
	got_status=$?
	[ "$got_status" = "$status" ] || { echo "status $got_status: $(cat "$WORK/stderr")" && return 1; }
	grep -qF -- "$word" "$WORK/stderr" || { echo "no $word in: $(cat "$WORK/stderr")" && return 1; }
}
equal() { [ "$1" = "$2" ] || { echo "expected '$1', got '$2'" && return 1; }; }
quietly() { "$@" >/dev/null 2>&1; }
eventually() {
	local deadline=$((SECONDS + 120))
	until quietly "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}
cgroup_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }

# A tree with a static busybox and a file that no program is
make_rootfs() {
	mkdir -p "$1"/{bin,etc,tmp,proc,sys,dev}
	chmod 1777 "$1/tmp"
	cp "$(command -v busybox)" "$1/bin/busybox"
	busybox --list | grep -vx busybox | while read -r applet; do ln -s busybox "$1/bin/$applet"; done
	echo text >"$1/etc/plain"
	echo root:x:0:0::/:/bin/sh >"$1/etc/passwd" # BuildKit looks even for a number
	echo root:x:0: >"$1/etc/group"
}

# make_context DIRECTORY: something to build, which ends up with /file that says "built" and /tmp/user that says "5"
make_context() {
	mkdir -p "$1"
	cat >"$1/Dockerfile" <<-END
		FROM $IMAGE
		RUN echo built >/file
		USER 5
		RUN id -u >/tmp/user
	END
}

# run_all SCRIPT [CHECK...]: every check in the order in which it stands there, or only those; one line each
run_all() {
	local script=$1 name detail passed=0 failed=0 skipped=0
	shift
	[ $# -gt 0 ] || set -- $(sed -n 's/^check_\([a-z_]*\)() .*/\1/p' "$script")
	for name in "$@"; do
		detail=$("check_$name" 2>&1)
		case $? in
		0) echo "ok $name" && passed=$((passed + 1)) ;;
		"$SKIPPED") echo "skip $name: $detail" && skipped=$((skipped + 1)) ;;
		*) echo "not ok $name: ${detail//$'\n'/ | }" && failed=$((failed + 1)) ;;
		esac
	done
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}
