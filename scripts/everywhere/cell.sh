#!/bin/sh
# One cell, inside its chroot, as a person without rights: what README tells a user to do, and what it took. Writes
# /home/tester/report/*; the argument says how far to go.
cd /home/tester/xiaozhi-speaker || exit 1
report=/home/tester/report
mkdir -p "$report"
now() { date +%s.%N; }
{
  node --version
  uname -m
} >"$report/machine"

# The first start, from nothing. Each line gets its time.
now >"$report/started"
{
  npm start -s -- --turns 1 --timeout 300 --mic wav:config/demo-speech.wav --speaker wav:/tmp/first.wav \
    --events "$report/events" 2>&1 </dev/null
  echo $? >"$report/start.rc"
} | while IFS= read -r line; do echo "$(now) $line"; done >"$report/start.log"

# How long Node takes to do nothing, and the device to say hello; in pairs, as the machine may be busy now and then.
for n in 1 2 3 4 5; do
  before=$(now)
  node -e 0
  echo "$before $(now)" >>"$report/node"
  node dist/main.js --turns 1 --say hello --timeout 120 --mic null --speaker null --events "$report/hello$n" \
    >"$report/hello$n.log" 2>&1 </dev/null || echo "hello $n: $?" >>"$report/faults"
done
node dist/main.js doctor >"$report/doctor" 2>&1 </dev/null
echo $? >"$report/doctor.rc"

if [ "$1" = tests ]; then
  node scripts/build-native.mjs >"$report/native.log" 2>&1
  npm test >"$report/test.log" 2>&1 </dev/null
  echo $? >"$report/test.rc"
fi
