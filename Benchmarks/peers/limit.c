/* limit: the physical limit of a container lifecycle on this kernel.
 * Does with direct system calls, inside one process (as a daemon would), the same
 * kernel work as `runc run` of the bundle made by mkbundle.py, and stamps each phase.
 * build: cc -O2 -o limit limit.c        run as root
 *
 *   -n N       lifecycles (default 100)       -w N   warm-up (default 10)
 *   -b DIR     base image (overlay lower)     -d DIR scratch for upper/work/mount point
 *   -f FILE    seccomp BPF (mkbpf)            -p FILE masked/read-only paths (mkbundle)
 *   -c LIST    v1 controllers, e.g. memory,pids,cpu ("" for none)
 *   -g DIR     cgroup v1 mount root (default /sys/fs/cgroup)   -G NAME parent cgroup
 *   -2 DIR     cgroup2 mount: create a leaf with limits there and clone into it (CLONE_INTO_CGROUP)
 *   -z LIST    namespaces, of mnt,pid,net,uts,ipc,cgroup,user (default all but user)
 *   -u         same as adding user to -z      -I     id-map lower and upper (needs -u)
 *   -V         CLONE_VM child (no page-table copy)   -m MB   ballast RSS in the parent
 *   -S         strictly serial: the child waits until the parent attached cgroups
 *   -T         child attaches by itself before mounts (self attach)
 *   -j J       J parallel workers (processes), n lifecycles each
 *   -k K       first start K containers that stay alive (pause), measure beside them
 *   -H         with -k: only create the K, print each create latency, then kill them
 *   -x PROG    program in the container (default /bin/true)
 *   -t         PROG is stampexit: it writes its start time to fd 1
 *   -s LIST    skip: overlay,mounts,nodes,mask,seccomp,caps,lo
 *   -v         overlay option volatile (no sync of the upper file system at unmount)
 *   -B         mask paths by bind first, tmpfs when that fails (as runc does)
 *   -M         hold the mount namespace open past the exit; release counts as own phase
 *   -o FILE    raw CSV per lifecycle (us per phase)
 *   -i         co-process: one lifecycle per line read from stdin, answers with a line
 *   -q         print one line only: n min med p99 mean cpu_us wall_us thr
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifndef MS_BIND
#define MS_RDONLY 1
#define MS_NOSUID 2
#define MS_NODEV 4
#define MS_NOEXEC 8
#define MS_REMOUNT 32
#define MS_BIND 4096
#define MS_REC 16384
#define MS_PRIVATE (1 << 18)
#define MS_STRICTATIME (1 << 24)
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

enum { P_DIRS, P_CGMK, P_CLONE, P_MAP, P_ATTACH, /* parent */
       C_WAKE, C_PRIV, C_OVL, C_PROC, C_DEVT, C_DPTS, C_SHM, C_MQ, C_SYS, C_NODES, C_MASK,
       C_PIVOT, C_GO, C_MISC, C_CAPS, C_SECC, C_EXEC, C_RUN, /* child */
       P_EXIT, P_NSREL, P_CGRM, P_RMDIR, TOTAL, CREATE, NPH };
static const char *pname[] = {"dirs", "cgroup mkdir+limits", "clone3(ns)", "uid/gid map", "cgroup attach",
	"child first run", "propagation private", "overlay mount", "proc", "dev tmpfs", "devpts", "shm", "mqueue", "sysfs", "dev nodes+links", "mask+ro paths",
	"pivot_root+umount", "wait for go", "host,lo,cgns,setsid", "caps+nnp", "seccomp", "execve to first instr", "program run", "exit..waitid", "mnt ns release", "cgroup rmdir", "rm upper/work", "TOTAL", "create..exec call"};

static int n = 100, warm = 10, J = 1, K = 0, useV, serial, selfatt, idmap, stampm, quiet, holdonly, ballast, vol, bindfirst, holdns, inter;
static const char *base, *dir = "/tmp/limit", *bpff, *pathsf, *cgroot = "/sys/fs/cgroup", *cgpar = "limit", *cg2, *prog = "/bin/true", *csvf;
static char ctl[16][32]; static int nctl;
static uint64_t nsflags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
static int sk_ovl, sk_mnt, sk_nodes, sk_mask, sk_sec, sk_caps, sk_lo;
static struct sock_fprog fprog;
static struct { int mask; char path[64]; } pth[64]; static int npth;
static unsigned capmask;
static int bnd_list[64], nbnd;

struct shr { volatile uint64_t t[NPH]; volatile int go; volatile int err; volatile const char *what; };

static inline long sc6(long nr, long a, long b, long c, long d, long e, long f)
{
	long r; register long r10 asm("r10") = d; register long r8 asm("r8") = e; register long r9 asm("r9") = f;
	asm volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
}
#define SC(nr, a, b, c, d, e) sc6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
static uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }

struct job { /* everything the child needs, prepared by the parent */
	struct shr *s; char upper[256], work[256], merged[256], oopt[1024], cgp[16][256]; int id, w, outfd, efd, pause; int lowfd; };

static long clone3_call(struct clone_args *a, int (*fn)(void *), void *arg)
{
	long r; register void *r12 asm("r12") = (void *)fn; register void *r13 asm("r13") = arg;
	asm volatile("syscall\n test %%rax,%%rax\n jnz 1f\n xor %%ebp,%%ebp\n mov %%r13,%%rdi\n andq $-16,%%rsp\n call *%%r12\n mov %%eax,%%edi\n mov $60,%%eax\n syscall\n 1:"
		: "=a"(r) : "a"(SYS_clone3), "D"(a), "S"(sizeof *a), "r"(r12), "r"(r13) : "rcx", "r11", "memory");
	return r;
}
#define DIE(w) do { s->what = w; s->err = r; SC(SYS_exit_group, 99, 0, 0, 0, 0); } while (0)
#define CK(expr, w) do { r = (expr); if (r < 0) DIE(w); } while (0)
#define MNT(src, tgt, ty, fl, opt, w) CK(SC(SYS_mount, src, tgt, ty, fl, opt), w)

static void wait_go(struct shr *s)
{
	while (!__atomic_load_n(&s->go, __ATOMIC_ACQUIRE))
		SC(SYS_futex, &s->go, 0 /*FUTEX_WAIT*/, 0, 0, 0);
}
static int wr(const char *p, const char *v)
{
	int l = 0; while (v[l]) l++;
	long fd = SC(SYS_open, p, O_WRONLY | O_CLOEXEC, 0, 0, 0); if (fd < 0) return fd;
	long r = SC(SYS_write, fd, v, l, 0, 0); SC(SYS_close, fd, 0, 0, 0, 0); return r < 0 ? r : 0;
}
static int child(void *a)
{
	struct job *j = a; struct shr *s = j->s; long r; int user = !!(nsflags & CLONE_NEWUSER);
	int mnt = !!(nsflags & CLONE_NEWNS);
	s->t[C_WAKE] = now();
	if (selfatt) for (int i = 0; i < nctl; i++) CK(wr(j->cgp[i], "0"), "self attach");
	if (user || serial || selfatt) wait_go(s);
	if (user) {
		CK(SC(SYS_setresgid, 0, 0, 0, 0, 0), "setresgid"); CK(SC(SYS_setresuid, 0, 0, 0, 0, 0), "setresuid");
	}
	if (user || serial || selfatt) s->t[C_WAKE] = now();
	if (mnt) {
		MNT(0, "/", 0, MS_REC | MS_PRIVATE, 0, "private"); s->t[C_PRIV] = now();
		const char *m = j->merged;
		if (idmap) CK(SC(SYS_move_mount, j->lowfd, "", AT_FDCWD, m, 4 /*F_EMPTY_PATH*/), "move_mount");
		else if (!sk_ovl) MNT("overlay", m, "overlay", 0, j->oopt, "overlay");
		else MNT(base, m, 0, MS_BIND | MS_REC, 0, "bind");
		s->t[C_OVL] = now();
		CK(SC(SYS_chdir, m, 0, 0, 0, 0), "chdir");
		if (!sk_mnt) {
			if (nsflags & CLONE_NEWPID) MNT("proc", "proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, 0, "proc");
			s->t[C_PROC] = now();
			MNT("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k", "dev"); s->t[C_DEVT] = now();
			CK(SC(SYS_mkdir, "dev/pts", 0755, 0, 0, 0), "mk"); CK(SC(SYS_mkdir, "dev/shm", 01777, 0, 0, 0), "mk");
			CK(SC(SYS_mkdir, "dev/mqueue", 0755, 0, 0, 0), "mk");
			MNT("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5", "devpts"); s->t[C_DPTS] = now();
			MNT("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k", "shm"); s->t[C_SHM] = now();
			MNT("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, 0, "mqueue"); s->t[C_MQ] = now();
			if (!(user && !(nsflags & CLONE_NEWNET))) MNT("sysfs", "sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, 0, "sysfs");
			s->t[C_SYS] = now();
			if (!sk_nodes) {
				static const struct { const char *n, *h; int ma, mi; } d[] = {{"dev/null", "/dev/null", 1, 3}, {"dev/zero", "/dev/zero", 1, 5}, {"dev/full", "/dev/full", 1, 7}, {"dev/random", "/dev/random", 1, 8}, {"dev/urandom", "/dev/urandom", 1, 9}, {"dev/tty", "/dev/tty", 5, 0}};
				SC(SYS_umask, 0, 0, 0, 0, 0);
				for (int i = 0; i < 6; i++)
					if (!user) CK(SC(SYS_mknod, d[i].n, S_IFCHR | 0666, makedev(d[i].ma, d[i].mi), 0, 0), "mknod");
					else { long fd = SC(SYS_open, d[i].n, O_CREAT | O_WRONLY | O_CLOEXEC, 0666, 0, 0); SC(SYS_close, fd, 0, 0, 0, 0);
						MNT(d[i].h, d[i].n, 0, MS_BIND, 0, "bind dev"); }
				static const char *ln[][2] = {{"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"}, {"/proc/kcore", "dev/core"}, {"pts/ptmx", "dev/ptmx"}};
				for (int i = 0; i < 6; i++) SC(SYS_symlink, ln[i][0], ln[i][1], 0, 0, 0);
				SC(SYS_umask, 022, 0, 0, 0, 0);
			}
			s->t[C_NODES] = now();
			if (!sk_mask) for (int i = 0; i < npth; i++) {
				const char *p = pth[i].path + 1;
				if (pth[i].mask) {
					/* look first: a bind that fails half-way costs an RCU grace period (-B: as runc does) */
					struct stat st;
					if (!bindfirst) { if (SC(SYS_stat, p, &st, 0, 0, 0) < 0) continue; r = S_ISDIR(st.st_mode) ? -ENOTDIR : SC(SYS_mount, "dev/null", p, 0, MS_BIND, 0); }
					else r = SC(SYS_mount, "dev/null", p, 0, MS_BIND, 0);
					if (r == -ENOTDIR || r == -EISDIR) MNT("tmpfs", p, "tmpfs", MS_RDONLY, 0, "mask dir");
				} else {
					r = SC(SYS_mount, p, p, 0, MS_BIND | MS_REC, 0);
					if (r == 0) MNT(0, p, 0, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 0, "ro");
				}
			}
			s->t[C_MASK] = now();
		} else s->t[C_PROC] = s->t[C_DEVT] = s->t[C_DPTS] = s->t[C_SHM] = s->t[C_MQ] = s->t[C_SYS] = s->t[C_NODES] = s->t[C_MASK] = s->t[C_OVL];
		CK(SC(SYS_pivot_root, ".", ".", 0, 0, 0), "pivot_root"); CK(SC(SYS_umount2, ".", MNT_DETACH, 0, 0, 0), "umount");
		CK(SC(SYS_chdir, "/", 0, 0, 0, 0), "chdir");
		s->t[C_PIVOT] = now();
	} else for (int i = C_PRIV; i <= C_PIVOT; i++) s->t[i] = s->t[C_WAKE];
	wait_go(s); s->t[C_GO] = now();
	if (nsflags & CLONE_NEWUTS) SC(SYS_sethostname, "bench", 5, 0, 0, 0);
	if ((nsflags & CLONE_NEWNET) && !sk_lo) {
		struct ifreq ifr = {0}; long fd; ifr.ifr_name[0] = 'l'; ifr.ifr_name[1] = 'o'; ifr.ifr_flags = IFF_UP | IFF_RUNNING;
		CK(fd = SC(SYS_socket, 1 /*AF_UNIX*/, 2 /*SOCK_DGRAM*/, 0, 0, 0), "socket"); CK(SC(SYS_ioctl, fd, 0x8914 /*SIOCSIFFLAGS*/, &ifr, 0, 0), "lo"); SC(SYS_close, fd, 0, 0, 0, 0);
	}
	if (nsflags & CLONE_NEWCGROUP) CK(SC(SYS_unshare, CLONE_NEWCGROUP, 0, 0, 0, 0), "cgns");
	SC(SYS_setsid, 0, 0, 0, 0, 0);
	if (j->outfd >= 0) SC(SYS_dup2, j->outfd, 1, 0, 0, 0);
	SC(SYS_close_range, 3, ~0u, 4 /*CLOEXEC*/, 0, 0);
	s->t[C_MISC] = now();
	if (!sk_caps) {
		for (int i = 0; i < nbnd; i++) SC(SYS_prctl, PR_CAPBSET_DROP, bnd_list[i], 0, 0, 0);
		struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
		struct __user_cap_data_struct dd[2] = {{capmask, capmask, 0}, {0, 0, 0}};
		CK(SC(SYS_capset, &h, dd, 0, 0, 0), "capset");
		CK(SC(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "nnp");
	}
	s->t[C_CAPS] = now();
	if (fprog.len && !sk_sec) CK(SC(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog, 0, 0), "seccomp");
	s->t[C_SECC] = now();
	char *av[] = {(char *)prog, 0}, *ev[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0};
	char *sav[] = {"/bin/sleep", "100000", 0};
	if (j->pause) r = SC(SYS_execve, sav[0], sav, ev, 0, 0); else r = SC(SYS_execve, prog, av, ev, 0, 0);
	DIE("execve"); return 0;
}
static void rmtree(const char *p)
{
	DIR *d = opendir(p); struct dirent *e; if (!d) return;
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
		if (unlinkat(dirfd(d), e->d_name, 0) && errno == EISDIR) { char q[512]; snprintf(q, sizeof q, "%s/%s", p, e->d_name); rmtree(q); }
	}
	closedir(d); rmdir(p);
}
static void perr(const char *w) { perror(w); exit(1); }
static int cgset(const char *c, const char *p, const char *f, const char *v)
{
	char b[400]; snprintf(b, sizeof b, "%s/%s", p, f); int r = wr(b, v);
	if (r) fprintf(stderr, "%s %s: %s\n", c, b, strerror(-r));
	return r;
}
static char *stk; static struct shr *S;
/* one lifecycle; if keep, returns pid and leaves it running */
static int life(int w, int id, uint64_t *ph, int keep, int *pidfd_out)
{
	static struct job j; struct shr *s = S; uint64_t t0, t; int pidfd = -1, pfd[2] = {-1, -1}, c2 = -1; char cg[16][256], c2p[256];
	memset((void *)s, 0, sizeof *s); memset(ph, 0, NPH * 8);
	t0 = now();
	snprintf(j.upper, 256, "%s/w%d/u%d", dir, w, id); snprintf(j.work, 256, "%s/w%d/k%d", dir, w, id); snprintf(j.merged, 256, "%s/m", dir);
	j.s = s; j.pause = keep; j.outfd = -1;
	if (!sk_ovl) {
		if (mkdir(j.upper, 0755) || mkdir(j.work, 0755)) perr(j.upper);
		if ((nsflags & CLONE_NEWUSER) && !idmap) { if (chown(j.upper, 100000, 100000) || chown(j.work, 100000, 100000)) perr("chown"); }
		snprintf(j.oopt, sizeof j.oopt, "lowerdir=%s,upperdir=%s,workdir=%s%s%s", base, j.upper, j.work, nsflags & CLONE_NEWUSER ? ",userxattr" : "", vol ? ",volatile" : "");
	}
	if (stampm) { if (pipe2(pfd, O_CLOEXEC)) perr("pipe"); j.outfd = pfd[1]; }
	t = now(); ph[P_DIRS] = t - t0;
	for (int i = 0; i < nctl; i++) {
		snprintf(cg[i], 256, "%s/%s/%s/w%d-%d", cgroot, ctl[i], cgpar, w, id);
		if (mkdir(cg[i], 0755)) perr(cg[i]);
		if (!strcmp(ctl[i], "memory")) cgset("m", cg[i], "memory.limit_in_bytes", "536870912");
		else if (!strcmp(ctl[i], "pids")) cgset("p", cg[i], "pids.max", "1024");
		else if (!strcmp(ctl[i], "cpu")) { cgset("c", cg[i], "cpu.shares", "512"); cgset("c", cg[i], "cpu.cfs_period_us", "100000"); cgset("c", cg[i], "cpu.cfs_quota_us", "100000"); }
		else if (!strcmp(ctl[i], "devices")) { cgset("d", cg[i], "devices.deny", "a"); static const char *al[] = {"c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm", "c *:* m", "b *:* m"}; for (int k = 0; k < 10; k++) cgset("d", cg[i], "devices.allow", al[k]); }
		else if (!strcmp(ctl[i], "cpuset")) { char b[64]; char q[300]; snprintf(q, 300, "%s/%s/%s/cpuset.cpus", cgroot, ctl[i], cgpar); int f = open(q, O_RDONLY); int l = read(f, b, 63); close(f); b[l > 0 ? l : 0] = 0; cgset("s", cg[i], "cpuset.cpus", b); cgset("s", cg[i], "cpuset.mems", "0"); }
		snprintf(j.cgp[i], 256, "%s/cgroup.procs", cg[i]);
	}
	if (cg2) { snprintf(c2p, 256, "%s/%s/w%d-%d", cg2, cgpar, w, id); if (mkdir(c2p, 0755)) perr(c2p);
		/* the same limits as with version 1, as far as the controllers are delegated */
		static const char *lim[][2] = {{"memory.max", "536870912"}, {"pids.max", "1024"}, {"cpu.weight", "20"}, {"cpu.max", "100000 100000"}};
		for (int k = 0; k < 4; k++) { char q[300]; snprintf(q, 300, "%s/%s", c2p, lim[k][0]); wr(q, lim[k][1]); }
		 c2 = open(c2p, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
	uint64_t t2 = now(); ph[P_CGMK] = t2 - t;
	struct clone_args a = {0};
	a.flags = (nsflags & ~CLONE_NEWCGROUP) | CLONE_PIDFD | (useV ? CLONE_VM : 0) | (c2 >= 0 ? CLONE_INTO_CGROUP : 0);
	a.pidfd = (uint64_t)&pidfd; a.exit_signal = SIGCHLD; a.cgroup = c2 >= 0 ? c2 : 0;
	if (useV) { a.stack = (uint64_t)stk; a.stack_size = 256 << 10; }
	long pid = clone3_call(&a, child, &j);
	if (pid < 0) { errno = -pid; perr("clone3"); }
	uint64_t t3 = now(); ph[P_CLONE] = t3 - t2;
	if (nsflags & CLONE_NEWUSER) {
		char p[64]; int r;
		snprintf(p, 64, "/proc/%ld/uid_map", pid); if ((r = wr(p, "0 100000 65536"))) { errno = -r; perr("uid_map"); }
		snprintf(p, 64, "/proc/%ld/gid_map", pid); if ((r = wr(p, "0 100000 65536"))) { errno = -r; perr("gid_map"); }
		if (idmap) {
			snprintf(p, 64, "/proc/%ld/ns/user", pid); int uf = open(p, O_RDONLY | O_CLOEXEC);
			struct mount_attr ma = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = uf};
			int lo = syscall(SYS_open_tree, AT_FDCWD, base, OPEN_TREE_CLONE | O_CLOEXEC);
			if (lo < 0 || syscall(SYS_mount_setattr, lo, "", AT_EMPTY_PATH, &ma, sizeof ma)) perr("idmap lower");
			char up[256]; snprintf(up, 256, "%s/w%d", dir, w);
			int uo = syscall(SYS_open_tree, AT_FDCWD, up, OPEN_TREE_CLONE | O_CLOEXEC);
			if (uo < 0 || syscall(SYS_mount_setattr, uo, "", AT_EMPTY_PATH, &ma, sizeof ma)) perr("idmap upper");
			int fs = syscall(SYS_fsopen, "overlay", 1); char q[64], nm[32]; int uf2, wf2;
			snprintf(nm, 32, "u%d", id); uf2 = openat(uo, nm, O_PATH | O_CLOEXEC); snprintf(nm, 32, "k%d", id); wf2 = openat(uo, nm, O_PATH | O_CLOEXEC);
			/* lowerdir+ / upperdir / workdir by fd through FSCONFIG_SET_FD (6.13+) */
			if (syscall(SYS_fsconfig, fs, 5, "lowerdir+", 0, lo) || syscall(SYS_fsconfig, fs, 5, "upperdir", 0, uf2) || syscall(SYS_fsconfig, fs, 5, "workdir", 0, wf2) || syscall(SYS_fsconfig, fs, 6, 0, 0, 0)) {
				char lg[256]; int l = read(fs, lg, 255); if (l > 0) { lg[l] = 0; fprintf(stderr, "%s\n", lg); } perr("fsconfig");
			}
			j.lowfd = syscall(SYS_fsmount, fs, 1, 0); if (j.lowfd < 0) perr("fsmount");
			(void)q; close(lo); close(uo); close(uf2); close(wf2); close(fs); close(uf);
			/* hand over: the child inherited no such fd, so pass through /proc? use same number by CLONE_FILES-less dup: child opens via pidfd_getfd is denied in userns; so this variant needs useV+CLONE_FILES */
		}
	}
	uint64_t t4 = now(); ph[P_MAP] = t4 - t3;
	if (!selfatt) { char b[16]; snprintf(b, 16, "%ld", pid);
		for (int i = 0; i < nctl; i++) { int r = wr(j.cgp[i], b); if (r) { errno = -r; if (s->err) fprintf(stderr, "child: %s: %s\n", (char *)s->what, strerror(-s->err)); perr(j.cgp[i]); } } }
	uint64_t t5 = now(); ph[P_ATTACH] = t5 - t4;
	__atomic_store_n(&s->go, 1, __ATOMIC_RELEASE); syscall(SYS_futex, &s->go, 1 /*WAKE*/, 1, 0, 0, 0);
	if (c2 >= 0) close(c2);
	if (keep) {
		/* created once the exec call was reached; busy-free wait on the stamp */
		while (!s->t[C_SECC] && !s->err) usleep(50);
		if (s->err) { fprintf(stderr, "child: %s: %s\n", (char *)s->what, strerror(-s->err)); exit(1); }
		ph[CREATE] = s->t[C_SECC] - t0; *pidfd_out = pidfd; return pid;
	}
	int nsfd = -1; if (holdns) { char b[64]; snprintf(b, 64, "/proc/%ld/ns/mnt", pid); nsfd = open(b, O_RDONLY | O_CLOEXEC); }
	siginfo_t si; while (waitid(P_PIDFD, pidfd, &si, WEXITED)) if (errno != EINTR) perr("waitid");
	uint64_t t6 = now(); close(pidfd);
	if (s->err) { fprintf(stderr, "child: %s: %s\n", (char *)s->what, strerror(-s->err)); exit(1); }
	if (si.si_status) { fprintf(stderr, "child status %d\n", si.si_status); exit(1); }
	if (stampm) { uint64_t st[2] = {0}; if (read(pfd[0], st, 16) != 16) perr("stamp"); ph[C_EXEC] = st[0] * 1000000000ull + st[1] - s->t[C_SECC]; ph[P_EXIT] = t6 - (st[0] * 1000000000ull + st[1]); close(pfd[0]); close(pfd[1]); }
	else ph[P_EXIT] = t6 - s->t[C_SECC];
	if (nsfd >= 0) { uint64_t x = now(); close(nsfd); t6 = now(); ph[P_NSREL] = t6 - x; }
	for (int i = 0; i < nctl; i++) while (rmdir(cg[i])) { if (errno != EBUSY) perr("rmdir"); }
	if (cg2) while (rmdir(c2p)) { if (errno != EBUSY) perr("rmdir"); }
	uint64_t t7 = now(); ph[P_CGRM] = t7 - t6;
	if (!sk_ovl) { char q[300]; snprintf(q, 300, "%s/work", j.work); rmdir(q); if (rmdir(j.work)) rmtree(j.work); if (rmdir(j.upper)) rmtree(j.upper); }
	uint64_t t8 = now(); ph[P_RMDIR] = t8 - t7; ph[TOTAL] = t8 - t0;
	/* child phases: difference from the previous child stamp */
	uint64_t prev = t2; ph[C_WAKE] = s->t[C_WAKE] > prev ? s->t[C_WAKE] - prev : 0; prev = s->t[C_WAKE];
	for (int i = C_PRIV; i <= C_SECC; i++) { ph[i] = s->t[i] >= prev ? s->t[i] - prev : 0; if (s->t[i]) prev = s->t[i]; }
	ph[CREATE] = s->t[C_SECC] - t0;
	return pid;
}
static int cmpu(const void *a, const void *b) { uint64_t x = *(uint64_t *)a, y = *(uint64_t *)b; return x < y ? -1 : x > y; }
int main(int c, char **v)
{
	int o; char *p;
	while ((o = getopt(c, v, "n:w:b:d:f:p:c:g:G:2:z:uIVm:STj:k:Hx:ts:o:qvBMi")) != -1) switch (o) {
		case 'n': n = atoi(optarg); break; case 'w': warm = atoi(optarg); break; case 'b': base = optarg; break; case 'd': dir = optarg; break;
		case 'f': bpff = optarg; break; case 'p': pathsf = optarg; break; case 'g': cgroot = optarg; break; case 'G': cgpar = optarg; break; case '2': cg2 = optarg; break;
		case 'c': for (p = strtok(optarg, ","); p; p = strtok(0, ",")) strncpy(ctl[nctl++], p, 31); break;
		case 'z': nsflags = 0; for (p = strtok(optarg, ","); p; p = strtok(0, ",")) nsflags |= !strcmp(p, "mnt") ? CLONE_NEWNS : !strcmp(p, "pid") ? CLONE_NEWPID : !strcmp(p, "net") ? CLONE_NEWNET : !strcmp(p, "uts") ? CLONE_NEWUTS : !strcmp(p, "ipc") ? CLONE_NEWIPC : !strcmp(p, "cgroup") ? CLONE_NEWCGROUP : !strcmp(p, "user") ? CLONE_NEWUSER : 0; break;
		case 'u': nsflags |= CLONE_NEWUSER; break; case 'I': idmap = 1; break; case 'V': useV = 1; break; case 'm': ballast = atoi(optarg); break; case 'S': serial = 1; break; case 'T': selfatt = 1; break;
		case 'j': J = atoi(optarg); break; case 'k': K = atoi(optarg); break; case 'H': holdonly = 1; break; case 'x': prog = optarg; break; case 't': stampm = 1; break;
		case 's': for (p = strtok(optarg, ","); p; p = strtok(0, ",")) { if (!strcmp(p, "overlay")) sk_ovl = 1; if (!strcmp(p, "mounts")) sk_mnt = 1; if (!strcmp(p, "nodes")) sk_nodes = 1; if (!strcmp(p, "mask")) sk_mask = 1; if (!strcmp(p, "seccomp")) sk_sec = 1; if (!strcmp(p, "caps")) sk_caps = 1; if (!strcmp(p, "lo")) sk_lo = 1; } break;
		case 'o': csvf = optarg; break; case 'q': quiet = 1; break; case 'v': vol = 1; break; case 'i': inter = 1; break; case 'B': bindfirst = 1; break; case 'M': holdns = 1; break; default: return 2;
	}
	if ((nsflags & CLONE_NEWNS) && !base) { fprintf(stderr, "-b?\n"); return 2; }
	int capkeep[] = {0, 1, 4, 3, 27, 13, 6, 7, 31, 8, 10, 18, 5, 29};
	for (int i = 0; i < 14; i++) capmask |= 1u << capkeep[i];
	for (int i = 0; i <= 40; i++) if (i > 31 || !(capmask & (1u << i))) bnd_list[nbnd++] = i;
	if (bpff) { int f = open(bpff, O_RDONLY); struct stat st; if (f < 0 || fstat(f, &st)) perr(bpff); fprog.filter = malloc(st.st_size); fprog.len = read(f, fprog.filter, st.st_size) / 8; close(f); }
	if (pathsf) { FILE *f = fopen(pathsf, "r"); char k[8]; if (!f) perr(pathsf); while (fscanf(f, "%7s %63s", k, pth[npth].path) == 2) pth[npth++].mask = !strcmp(k, "mask"); fclose(f); }
	char b[512]; mkdir(dir, 0755); snprintf(b, 512, "%s/m", dir); mkdir(b, 0755);
	for (int i = 0; i < nctl; i++) { snprintf(b, 512, "%s/%s/%s", cgroot, ctl[i], cgpar); mkdir(b, 0755);
		if (!strcmp(ctl[i], "cpuset")) { char q[600], x[64]; snprintf(q, 600, "%s/%s/cpuset.cpus", cgroot, ctl[i]); int f = open(q, O_RDONLY); int l = read(f, x, 63); close(f); x[l > 0 ? l : 0] = 0; cgset("s", b, "cpuset.cpus", x); cgset("s", b, "cpuset.mems", "0"); } }
	if (cg2) { snprintf(b, 512, "%s/%s", cg2, cgpar); mkdir(b, 0755); snprintf(b, 512, "%s/%s/cgroup.subtree_control", cg2, cgpar); wr(b, "+memory"); wr(b, "+pids"); wr(b, "+cpu"); }
	if (ballast) { char *m = malloc((size_t)ballast << 20); memset(m, 1, (size_t)ballast << 20); }
	size_t rs = (size_t)J * n * NPH * 8; uint64_t *R = mmap(0, rs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct shr *all = mmap(0, 4096 * (J + 1), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	stk = mmap(0, 256 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t ph[NPH]; int *kp = calloc(K + 1, sizeof(int)), *kf = calloc(K + 1, sizeof(int));
	snprintf(b, 512, "%s/w999", dir); mkdir(b, 0755); S = (void *)((char *)all + 4096 * J);
	for (int i = 0; i < K; i++) { kp[i] = life(999, i, ph, 1, &kf[i]); if (holdonly) printf("%d %.1f\n", i, ph[CREATE] / 1e3); }
	if (inter) {
		char ln[64]; int i = 0; S = all; snprintf(b, 512, "%s/w0", dir); mkdir(b, 0755); setvbuf(stdout, 0, _IONBF, 0); setvbuf(stdin, 0, _IONBF, 0);
		while (fgets(ln, sizeof ln, stdin)) { life(0, i++, ph, 0, 0); printf("%.1f\n", ph[TOTAL] / 1e3); }
		rmdir(b); K = 0; holdonly = 1; freopen("/dev/null", "r", stdin); freopen("/dev/null", "w", stdout);
	}
	struct rusage r0, r1; uint64_t w0, w1;
	if (!holdonly) {
		getrusage(RUSAGE_CHILDREN, &r0); struct rusage s0, s1; getrusage(RUSAGE_SELF, &s0);
		if (J == 1) { snprintf(b, 512, "%s/w0", dir); mkdir(b, 0755); S = all; for (int i = 0; i < warm; i++) life(0, i, ph, 0, 0); getrusage(RUSAGE_CHILDREN, &r0); getrusage(RUSAGE_SELF, &s0); w0 = now(); for (int i = 0; i < n; i++) life(0, i, R + (size_t)i * NPH, 0, 0); w1 = now(); rmdir(b); }
		else {
			int gate[2]; if (pipe(gate)) perr("pipe"); pid_t *ps = calloc(J, sizeof(pid_t));
			for (int k = 0; k < J; k++) if (!(ps[k] = fork())) { char g; close(gate[1]); S = (void *)((char *)all + 4096 * k); snprintf(b, 512, "%s/w%d", dir, k); mkdir(b, 0755); for (int i = 0; i < 2; i++) life(k, i, ph, 0, 0); if (read(gate[0], &g, 1) < 0) exit(1); for (int i = 0; i < n; i++) life(k, i, R + ((size_t)k * n + i) * NPH, 0, 0); rmdir(b); exit(0); }
			usleep(300000); w0 = now(); close(gate[1]); int st, bad = 0; for (int k = 0; k < J; k++) { waitpid(ps[k], &st, 0); bad |= st; } w1 = now(); if (bad) { fprintf(stderr, "worker failed\n"); return 1; }
		}
		getrusage(RUSAGE_CHILDREN, &r1); getrusage(RUSAGE_SELF, &s1);
		int N = n * J; uint64_t *q = malloc(N * 8);
		double us = (r1.ru_utime.tv_sec - r0.ru_utime.tv_sec) * 1e6 + (r1.ru_utime.tv_usec - r0.ru_utime.tv_usec) + (s1.ru_utime.tv_sec - s0.ru_utime.tv_sec) * 1e6 + (s1.ru_utime.tv_usec - s0.ru_utime.tv_usec);
		double sy = (r1.ru_stime.tv_sec - r0.ru_stime.tv_sec) * 1e6 + (r1.ru_stime.tv_usec - r0.ru_stime.tv_usec) + (s1.ru_stime.tv_sec - s0.ru_stime.tv_sec) * 1e6 + (s1.ru_stime.tv_usec - s0.ru_stime.tv_usec);
		if (csvf) { FILE *f = fopen(csvf, "w"); for (int k = 0; k < NPH; k++) fprintf(f, "%s%c", pname[k], k == NPH - 1 ? '\n' : ';'); for (int i = 0; i < N; i++) for (int k = 0; k < NPH; k++) fprintf(f, "%.1f%c", R[(size_t)i * NPH + k] / 1e3, k == NPH - 1 ? '\n' : ';'); fclose(f); }
		for (int k = 0; k < NPH; k++) {
			if (quiet && k != TOTAL && k != CREATE) continue;
			uint64_t sum = 0; for (int i = 0; i < N; i++) { q[i] = R[(size_t)i * NPH + k]; sum += q[i]; }
			qsort(q, N, 8, cmpu); if (!sum) continue;
			printf("%-24s min %9.1f  p25 %9.1f  med %9.1f  p99 %9.1f  mean %9.1f us\n", pname[k], q[0] / 1e3, q[N / 4] / 1e3, q[N / 2] / 1e3, q[(int)(N * 0.99)] / 1e3, sum / 1e3 / N);
		}
		printf("%-24s n %d  cpu/lifecycle user %.1f sys %.1f us  wall/lifecycle %.1f us  throughput %.1f /s\n", "-", N, us / N, sy / N, (w1 - w0) / 1e3 / N, N * 1e9 / (w1 - w0));
	} else { printf("pause: "); fflush(stdout); char g; if (!isatty(0)) { if (read(0, &g, 1) < 0) return 1; } }
	for (int i = 0; i < K; i++) { kill(kp[i], SIGKILL); waitpid(kp[i], 0, 0); close(kf[i]); for (int k = 0; k < nctl; k++) { snprintf(b, 512, "%s/%s/%s/w999-%d", cgroot, ctl[k], cgpar, i); rmdir(b); } if (cg2) { snprintf(b, 512, "%s/%s/w999-%d", cg2, cgpar, i); rmdir(b); } snprintf(b, 512, "%s/w999/u%d", dir, i); rmtree(b); snprintf(b, 512, "%s/w999/k%d", dir, i); rmtree(b); }
	for (int i = 0; i < nctl; i++) { snprintf(b, 512, "%s/%s/%s", cgroot, ctl[i], cgpar); rmdir(b); }
	if (cg2) { snprintf(b, 512, "%s/%s", cg2, cgpar); rmdir(b); }
	return 0;
}
