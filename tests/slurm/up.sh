#!/usr/bin/env bash
# Start a one-node SLURM as root, without systemd and without accounting, for the tests.
# Needs Debian's slurmctld, slurmd, slurm-client and munge. Usage: up.sh [CPUS] [MEMORY_MB]; down.sh stops it.
set -euo pipefail
cpus=${1:-$(nproc)}
memory=${2:-$(awk '/MemTotal/ {print int($2 / 1024 * 0.8)}' /proc/meminfo)}
node=$(hostname -s)
state=${WORDSIGHT_SLURM_STATE:-/var/lib/wordsight-slurm}

for program in slurmctld slurmd sinfo munged; do
  command -v "$program" >/dev/null || { echo "slurm: $program is not installed" >&2; exit 1; }
done
if sinfo --noheader --format %T 2>/dev/null | grep -qE 'idle|mixed|allocated'; then exit 0; fi
if [ -s /etc/slurm/slurm.conf ] && ! grep -q '^ClusterName=wordsight$' /etc/slurm/slurm.conf; then
  echo "slurm: /etc/slurm/slurm.conf belongs to another cluster; it is left alone" >&2
  exit 1
fi

mkdir -p "$state"/{ctld,spool,log} /etc/slurm /run/munge /var/log/munge /var/lib/munge /etc/munge
chmod 700 /etc/munge
[ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
chmod 400 /etc/munge/munge.key
chmod 755 /run/munge
chown -R munge:munge /etc/munge /run/munge /var/log/munge /var/lib/munge
pidof munged >/dev/null || runuser -u munge -- munged --force

# Jobs lose the SLURM_* variables, so the configuration stands where every client looks first.
cat >/etc/slurm/slurm.conf <<CONF
ClusterName=wordsight
SlurmctldHost=$node
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/spool
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/log/slurmctld.log
SlurmdLogFile=$state/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000
ReturnToService=2
MinJobAge=300
NodeName=$node CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$node Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF

slurmctld -c
slurmd
for _ in $(seq 100); do
  if sinfo --noheader --format %T 2>/dev/null | grep -qE 'idle|mixed|allocated'; then exit 0; fi
  sleep 0.1
done
echo "slurm: the node did not come up; the last lines of its logs:" >&2
tail -n 5 "$state"/log/*.log >&2
exit 1
