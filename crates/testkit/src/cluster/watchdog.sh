# Stops a server that nobody uses any more: when its owners were killed, nothing else would.
# Arguments: directory of marks ("pid start" each), stop marker, grace in seconds, pid and start of the server.
# Start is field 22 of /proc/<pid>/stat, or "-" where there is no /proc; it tells a reused pid from the real one.
trap '' HUP INT
users=$1 marker=$2 grace=$3 server=$4 started=$5

alive() {
    kill -0 "$1" 2>/dev/null || return 1
    [ -r "/proc/$1/stat" ] || return 0
    expected=$2
    { read -r stat < "/proc/$1/stat"; } 2>/dev/null || return 1
    set -f
    set -- ${stat##*) }
    set +f
    case $1 in Z | X) return 1 ;; esac
    [ "$expected" = - ] || [ "$expected" = "${20}" ]
}

used() {
    for mark in "$users"/*; do
        { read -r pid start < "$mark"; } 2>/dev/null || continue
        alive "$pid" "$start" && return 0
    done
    return 1
}

idle=0
while alive "$server" "$started"; do
    if used; then idle=0; else idle=$((idle + 1)); fi
    if [ "$idle" -gt "$grace" ]; then
        # Marker first, last look second: a new user marks itself first and looks for the marker second.
        mkdir "$marker" 2>/dev/null
        if used; then
            idle=0
        else
            kill -INT "$server"
            waited=0
            while alive "$server" "$started" && [ "$waited" -lt 60 ]; do
                sleep 1
                waited=$((waited + 1))
            done
        fi
        rmdir "$marker" 2>/dev/null
    fi
    sleep 1
done
