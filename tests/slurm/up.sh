#!/usr/bin/env bash
# Start a one-node SLURM as root, without systemd, for the tests. With an account, jobs need it, and a database records them.
# Needs Debian's slurmctld, slurmd, slurm-client and munge, and for an account slurmdbd and mariadb-server.
# Usage: up.sh CPUS [ACCOUNT]; down.sh stops it.
set -euo pipefail
cpus=$1
account=${2:-}
memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.8)}' /proc/meminfo)
node=$(hostname -s)
state=${WORDSIGHT_SLURM_STATE:-/var/lib/wordsight-slurm}

for program in slurmctld slurmd sinfo munged ${account:+slurmdbd sacctmgr mariadbd mariadb-install-db}; do
  command -v "$program" >/dev/null || { echo "slurm: $program is not installed" >&2; exit 1; }
done
if [ -s /etc/slurm/slurm.conf ] && ! grep -q '^ClusterName=wordsight$' /etc/slurm/slurm.conf; then
  echo "slurm: /etc/slurm/slurm.conf belongs to another cluster; it is left alone" >&2
  exit 1
fi
"$(dirname "$0")/down.sh" # what an earlier run of the tests left, perhaps with other accounts

mkdir -p "$state"/{ctld,spool,log,db} /etc/slurm /run/munge /var/log/munge /var/lib/munge /etc/munge
chmod 700 /etc/munge
[ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
chmod 400 /etc/munge/munge.key
chmod 755 /run/munge
chown -R munge:munge /etc/munge /run/munge /var/log/munge /var/lib/munge
pidof munged >/dev/null || runuser -u munge -- munged --force

# Wait for up to ten seconds until a command succeeds.
until_done() {
  for _ in $(seq 100); do
    if "$@" 2>/dev/null; then return; fi
    sleep 0.1
  done
  return 1
}

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
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000
ReturnToService=2
MinJobAge=300
NodeName=$node CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$node Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF

if [ -n "$account" ]; then
  database=(--no-defaults --user=root --datadir="$state/db")
  mariadb-install-db "${database[@]}" --skip-test-db >/dev/null
  # It takes any user, but only from this machine.
  mariadbd "${database[@]}" --socket="$state/db.sock" --pid-file="$state/mariadbd.pid" --bind-address=127.0.0.1 \
    --port=13306 --skip-networking=0 --skip-grant-tables >"$state/log/mariadbd.log" 2>&1 &
  until_done test -S "$state/db.sock"
  cat >>/etc/slurm/slurm.conf <<CONF
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStorageEnforce=associations
CONF
  cat >/etc/slurm/slurmdbd.conf <<CONF
DbdHost=localhost
SlurmUser=root
AuthType=auth/munge
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=13306
StorageUser=root
StorageLoc=wordsight
PidFile=$state/slurmdbd.pid
LogFile=$state/log/slurmdbd.log
CONF
  chmod 600 /etc/slurm/slurmdbd.conf
  slurmdbd
  until_done sacctmgr --immediate --quiet add cluster wordsight
  sacctmgr --immediate --quiet add account "$account" Cluster=wordsight
  sacctmgr --immediate --quiet add user "$(id -un)" Account="$account"
fi

slurmctld -c
slurmd
up() { sinfo --noheader --format %T | grep -qE 'idle|mixed|allocated'; }
if until_done up; then exit 0; fi
echo "slurm: the node did not come up; the last lines of its logs:" >&2
tail -n 5 "$state"/log/*.log >&2
exit 1
