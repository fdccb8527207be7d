#!/usr/bin/env bash
# The fuzz targets under a fuzzer: what comes from outside, from bytes to where it is understood.
#
#   tests/fuzz.sh                 every target, its seeds first, then a bounded number of inputs
#   tests/fuzz.sh --minutes 480   every target for its share of so many minutes: for a night
#   tests/fuzz.sh bodies lines    only these targets (also with --minutes, which comes first)
#
# It needs a nightly compiler and cargo-fuzz, which it installs beside the build when it is not there
# (under a minute of one quiet machine). Where neither can be had it says so and runs the stable test
# that feeds the same seeds and fixed mutations of them to the same functions.
#
# What is found grows in fuzz/corpus, which is not committed. A crash is left in fuzz/artifacts: put it
# into fuzz/seeds under a name that says what it is, and mend what it shows.
# FUZZ_RUNS is the number of inputs for each target, 200000 when nothing is said.
set -euo pipefail
exec </dev/null

cd "$(dirname "${BASH_SOURCE[0]}")/.."
target_dir=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
tools=$target_dir/tools
runs=${FUZZ_RUNS:-200000}
seconds_max=40
limits=(-rss_limit_mb=2048 -malloc_limit_mb=256 -timeout=10 -max_len=8192 -print_final_stats=1)

minutes=
if [ "${1:-}" = --minutes ]; then
    minutes=${2:?"--minutes needs a number"}
    shift 2
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi

without_a_fuzzer() {
    echo "fuzz: $1; the seeds and fixed mutations of them are tried by a stable test instead"
    exec cargo test --quiet --test fuzz_seeds
}

cargo +nightly --version >/dev/null 2>&1 || without_a_fuzzer "there is no nightly compiler"
export PATH=$tools/bin:$PATH
if ! cargo fuzz --version >/dev/null 2>&1; then
    began=$SECONDS
    echo "fuzz: installing cargo-fuzz into $tools"
    CARGO_TARGET_DIR=$tools/target cargo install --quiet --locked cargo-fuzz --root "$tools" ||
        without_a_fuzzer "cargo-fuzz could not be installed"
    echo "fuzz: installed in $((SECONDS - began)) s"
fi

cargo +nightly fetch --locked --quiet --manifest-path fuzz/Cargo.toml ||
    without_a_fuzzer "what the targets stand on could not be fetched"

# No sanitizer: our code has no unsafe line, so it would slow down what others have tested already.
export CARGO_TARGET_DIR=$target_dir
began=$SECONDS
cargo +nightly fuzz build --sanitizer none
echo "fuzz: built in $((SECONDS - began)) s"

for target in "${targets[@]}"; do
    if [ -n "$minutes" ]; then
        bound=(-max_total_time=$((minutes * 60 / ${#targets[@]})))
    else
        # By count; the time is only a net for a machine that is very slow.
        bound=(-runs="$runs" -max_total_time="$seconds_max" -seed=1)
    fi
    mkdir -p "fuzz/corpus/$target"
    log=$(mktemp)
    began=$SECONDS
    if ! cargo +nightly fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" \
        -- "${limits[@]}" "${bound[@]}" >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "fuzz: $target FAILED; the input is in fuzz/artifacts/$target"
        exit 1
    fi
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $target held on ${executed:-?} inputs in $((SECONDS - began)) s"
    rm -f "$log"
done
