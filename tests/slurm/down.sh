#!/usr/bin/env bash
# Stop what up.sh started; jobs that are queued or running are cancelled first.
set -uo pipefail
state=${WORDSIGHT_SLURM_STATE:-/var/lib/wordsight-slurm}
grep -q '^ClusterName=wordsight$' /etc/slurm/slurm.conf 2>/dev/null || exit 0
scancel --state=PENDING --state=RUNNING --user="$(id -un)" 2>/dev/null
scontrol shutdown 2>/dev/null
for daemon in slurmd slurmctld slurmdbd mariadbd; do
  [ -s "$state/$daemon.pid" ] && kill "$(cat "$state/$daemon.pid")" 2>/dev/null
done
for _ in $(seq 100); do
  pidof slurmctld slurmd slurmdbd mariadbd >/dev/null || break # they write to the folder until they end
  sleep 0.1
done
pidof munged >/dev/null && kill "$(pidof munged)" 2>/dev/null
rm -rf "$state" /etc/slurm/slurm.conf /etc/slurm/slurmdbd.conf
exit 0
