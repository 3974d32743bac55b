/* pairbench: interleaved (paired) timing of command sequences.
 * build: cc -O2 -o pairbench pairbench.c
 * usage: pairbench -n ROUNDS -w WARM -o out.csv [-c CG [-C JOIN]] [-q MAXWAIT_MS] [-j J] spec...
 * -c CG: the cgroup whose CPU time counts; -C JOIN: the one to enter (default CG; a leaf below it on version 2)
 * Each round runs every candidate once, in an order shuffled per round. A spec file:
 *   cand NAME
 *   run LABEL argv...          spawn, wait for exit (stdout/stderr to -e file or /dev/null)
 *   runio LABEL argv...        the same, but stdout is a pipe that is drained to EOF here
 *   bg LABEL argv...           spawn, do not wait (reaped at the end of the sequence)
 *   ask LABEL argv...          a co-process, started once: a line is sent, a line awaited
 *   waitpid LABEL FILE         wait for the process whose id is in FILE (child by subreaper)
 *   mount LABEL LOWER UPPER WORK MERGED OPTS   overlay mount ("-" for no further OPTS)
 *   umount LABEL DIR | mkdir LABEL DIR | rmtree LABEL DIR | rm LABEL FILE
 * A label that starts with "-" is set-up: not counted in the TOTAL of the sequence.
 * In argv: %i unique id, %s slot number (0.. J-1).  With -j J the rounds of ONE candidate
 * run in J parallel workers and a throughput line is printed (-n is per worker).
 * CSV: cand;round;label;wall_us;cpu_us;others   cpu_us is read from CG/cpuacct.usage or CG/cpu.stat (version 2)
 * (all that runs in that cgroup: client, shim, container) or from rusage of all descendants;
 * others = runnable tasks on the machine at the start of the sequence. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
extern char **environ;
enum { RUN, RUNIO, BG, ASK, WAITP, MNT, UMNT, MKD, RMT, RM };
struct step { int k, in, out; pid_t co; char label[40]; char *a[96]; int n; };
struct cand { char name[48]; struct step s[16]; int n; } C[64]; static int nc;
static int rounds = 30, warm = 3, qwait, J = 1; static const char *cpud, *outf, *joind, *errf = "/dev/null"; static int cpufd = -1, cpuv2; static FILE *csv; static long uid_ctr; static int slot;
static uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static double cpu_us(void)
{
	if (cpufd >= 0) { char b[64]; int l = pread(cpufd, b, 63, 0); if (l > 0) { b[l] = 0; return cpuv2 ? strtoull(b + 11, 0, 10) : strtoull(b, 0, 10) / 1e3; } }
	struct rusage r; getrusage(RUSAGE_CHILDREN, &r); return r.ru_utime.tv_sec * 1e6 + r.ru_utime.tv_usec + r.ru_stime.tv_sec * 1e6 + r.ru_stime.tv_usec;
}
static int running(void) { char b[8192], *p; int f = open("/proc/stat", O_RDONLY), l = read(f, b, 8191); close(f); if (l < 0) return -1; b[l] = 0; p = strstr(b, "procs_running "); return p ? atoi(p + 14) - 1 : -1; }
static char *sub(const char *s, char *buf, size_t z)
{
	size_t o = 0; for (; *s && o < z - 24; s++) if (s[0] == '%' && s[1] == 'i') { o += sprintf(buf + o, "pb%d-%ld", slot, uid_ctr); s++; } else if (s[0] == '%' && s[1] == 's') { o += sprintf(buf + o, "%d", slot); s++; } else buf[o++] = *s;
	buf[o] = 0; return buf;
}
static void rmtree(const char *p)
{
	DIR *d = opendir(p); struct dirent *e; if (!d) return;
	while ((e = readdir(d))) { if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
		if (unlinkat(dirfd(d), e->d_name, 0)) { char q[1024]; snprintf(q, sizeof q, "%s/%s", p, e->d_name); rmtree(q); } }
	closedir(d); rmdir(p);
}
static char reply[512];
static int dostep(struct step *s, pid_t *bgp)
{
	char bufs[96][512]; char *av[97]; int st = 0;
	for (int i = 0; i < s->n; i++) av[i] = sub(s->a[i], bufs[i], 512);
	av[s->n] = 0;
	switch (s->k) {
	case RUN: case BG: case RUNIO: {
		posix_spawn_file_actions_t fa; posix_spawn_file_actions_init(&fa); int p[2] = {-1, -1}; pid_t pid;
		posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
		if (s->k == RUNIO) { if (pipe2(p, O_CLOEXEC)) return -1; fcntl(p[0], 1031, 1 << 20); posix_spawn_file_actions_adddup2(&fa, p[1], 1); }
		else posix_spawn_file_actions_addopen(&fa, 1, errf, O_WRONLY | O_CREAT | O_APPEND, 0644);
		posix_spawn_file_actions_addopen(&fa, 2, errf, O_WRONLY | O_CREAT | O_APPEND, 0644);
		int r = posix_spawnp(&pid, av[0], &fa, 0, av, environ); posix_spawn_file_actions_destroy(&fa);
		if (r) { errno = r; perror(av[0]); return -1; }
		if (s->k == RUNIO) { static char b[1 << 20]; close(p[1]); while (read(p[0], b, sizeof b) > 0); close(p[0]); }
		if (s->k == BG) { *bgp = pid; return 0; }
		while (waitpid(pid, &st, 0) < 0 && errno == EINTR);
		if (st) { fprintf(stderr, "step %s: status %x\n", s->label, st); return -1; }
		return 0; }
	case ASK: {
		if (!s->co) {
			int a[2], b[2]; posix_spawn_file_actions_t fa; posix_spawn_file_actions_init(&fa); if (pipe2(a, O_CLOEXEC) || pipe2(b, O_CLOEXEC)) return -1;
			posix_spawn_file_actions_adddup2(&fa, a[0], 0); posix_spawn_file_actions_adddup2(&fa, b[1], 1); posix_spawn_file_actions_addopen(&fa, 2, errf, O_WRONLY | O_CREAT | O_APPEND, 0644);
			int r = posix_spawnp(&s->co, av[0], &fa, 0, av, environ); posix_spawn_file_actions_destroy(&fa); if (r) { errno = r; perror(av[0]); return -1; }
			close(a[0]); close(b[1]); s->in = a[1]; s->out = b[0];
		}
		char ch, last = 0; int rl = 0; if (write(s->in, "\n", 1) != 1) return -1; while (read(s->out, &ch, 1) == 1) { if (ch == '\n') return last == '!' ? -1 : 0; last = ch; if (rl < 500) reply[rl++] = ch, reply[rl] = 0; } return -1; }
	case WAITP: { FILE *f = fopen(av[0], "r"); int pid; if (!f || fscanf(f, "%d", &pid) != 1) return -1; fclose(f); if (waitpid(pid, &st, 0) < 0) { while (!kill(pid, 0)) usleep(200); } return 0; }
	case MNT: { char o[2048]; mkdir(av[1], 0755); mkdir(av[2], 0755); mkdir(av[3], 0755); snprintf(o, sizeof o, "lowerdir=%s,upperdir=%s,workdir=%s%s%s", av[0], av[1], av[2], av[4][0] == '-' ? "" : ",", av[4][0] == '-' ? "" : av[4]); if (mount("overlay", av[3], "overlay", 0, o)) { perror(o); return -1; } return 0; }
	case UMNT: if (umount2(av[0], 0) && umount2(av[0], MNT_DETACH)) { perror(av[0]); return -1; } return 0;
	case MKD: mkdir(av[0], 0755); return 0;
	case RMT: rmtree(av[0]); return 0;
	case RM: unlink(av[0]); return 0;
	}
	return -1;
}
static int seq(struct cand *c, int round, int rec)
{
	uid_ctr++; int oth = running(); double tot = 0, tcpu = 0; pid_t bgp = 0; int bad = 0;
	if (qwait) { uint64_t e = now() + qwait * 1000000ull; while (running() > 1 && now() < e) usleep(5000); oth = running(); }
	for (int i = 0; i < c->n; i++) {
		reply[0] = 0; double c0 = cpu_us(); uint64_t t0 = now(); int r = dostep(&c->s[i], &bgp); uint64_t t1 = now(); double c1 = cpu_us();
		if (r) bad = 1;
		if (c->s[i].label[0] != '-') { tot += (t1 - t0) / 1e3; tcpu += c1 - c0; }
		if (rec && !bad && csv) fprintf(csv, "%s;%d;%s;%.1f;%.1f;%d\n", c->name, round, c->s[i].label, (t1 - t0) / 1e3, c1 - c0, oth);
		/* "key=us" words of a co-process reply become rows of their own */
		if (rec && !bad && csv) for (char *t = strtok(reply, " "); t; t = strtok(0, " ")) { char *e = strchr(t, '='); if (e) { *e = 0; fprintf(csv, "%s;%d;%s;%.1f;0;%d\n", c->name, round, t, atof(e + 1), oth); } }
	}
	if (bgp) waitpid(bgp, 0, 0);
	while (waitpid(-1, 0, WNOHANG) > 0);
	if (rec && !bad && csv) fprintf(csv, "%s;%d;TOTAL;%.1f;%.1f;%d\n", c->name, round, tot, tcpu, oth);
	if (bad) fprintf(stderr, "%s: round %d failed\n", c->name, round);
	return bad;
}
int main(int argc, char **v)
{
	int o; while ((o = getopt(argc, v, "n:w:o:c:C:q:j:e:")) != -1) switch (o) { case 'n': rounds = atoi(optarg); break; case 'w': warm = atoi(optarg); break; case 'o': outf = optarg; break; case 'c': cpud = optarg; break; case 'q': qwait = atoi(optarg); break; case 'j': J = atoi(optarg); break; case 'e': errf = optarg; break; case 'C': joind = optarg; break; default: return 2; }
	for (; optind < argc; optind++) {
		FILE *f = fopen(v[optind], "r"); char l[8192]; if (!f) { perror(v[optind]); return 1; }
		while (fgets(l, sizeof l, f)) {
			char *t = strtok(l, " \t\n"); if (!t || *t == '#') continue;
			if (!strcmp(t, "cand")) { strncpy(C[nc++].name, strtok(0, " \t\n"), 47); continue; }
			struct step *s = &C[nc - 1].s[C[nc - 1].n++]; const char *k[] = {"run", "runio", "bg", "ask", "waitpid", "mount", "umount", "mkdir", "rmtree", "rm"};
			s->k = -1; for (int i = 0; i < 10; i++) if (!strcmp(k[i], t)) s->k = i;
			if (s->k < 0) { fprintf(stderr, "? %s\n", t); return 2; }
			strncpy(s->label, strtok(0, " \t\n"), 39); while ((t = strtok(0, " \t\n")) && s->n < 96) s->a[s->n++] = strdup(t);
		}
		fclose(f);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (cpud) { char b[512]; snprintf(b, 512, "%s/cpuacct.usage", cpud); cpufd = open(b, O_RDONLY | O_CLOEXEC);
		/* version 2: the first line of cpu.stat is "usage_usec N" */
		if (cpufd < 0) { snprintf(b, 512, "%s/cpu.stat", cpud); cpufd = open(b, O_RDONLY | O_CLOEXEC); cpuv2 = 1; }
		snprintf(b, 512, "%s/cgroup.procs", joind ? joind : cpud); int f = open(b, O_WRONLY); if (f < 0 || write(f, "0", 1) < 0) perror(b); close(f); }
	if (J > 1 || getenv("PB_THR")) {
		for (int c = 0; c < nc; c++) {
			int g[2], r[2]; if (pipe(g) || pipe(r)) return 1; pid_t *ps = calloc(J, sizeof *ps); double c0 = cpu_us();
			for (slot = 0; slot < J; slot++) if (!(ps[slot] = fork())) { prctl(PR_SET_CHILD_SUBREAPER, 1); char x; int bad = 0; close(g[1]); for (int i = 0; i < warm; i++) seq(&C[c], i, 0); if (write(r[1], "r", 1) < 0 || read(g[0], &x, 1) < 0) exit(1); uid_ctr = 1000; for (int i = 0; i < rounds; i++) bad += seq(&C[c], i, 0); exit(bad > 255 ? 255 : bad); }
			char x; for (int i = 0; i < J; i++) if (read(r[0], &x, 1) < 0) return 1; c0 = cpu_us(); uint64_t t0 = now(); close(g[1]); int bad = 0, st; for (int i = 0; i < J; i++) { waitpid(ps[i], &st, 0); bad += WEXITSTATUS(st); } uint64_t t1 = now(); double c1 = cpu_us();
			printf("%s;j=%d;n=%d;failed=%d;%.2f/s;cpu_us_each=%.0f\n", C[c].name, J, J * rounds, bad, J * rounds * 1e9 / (t1 - t0), (c1 - c0) / (J * rounds)); fflush(stdout);
			slot = 0; if (outf) { FILE *f = fopen(outf, "a"); fprintf(f, "%s;%d;%d;%d;%.3f;%.0f\n", C[c].name, J, J * rounds, bad, J * rounds * 1e9 / (t1 - t0), (c1 - c0) / (J * rounds)); fclose(f); }
		}
		return 0;
	}
	if (outf) { csv = fopen(outf, "w"); setvbuf(csv, 0, _IOFBF, 1 << 20); }
	srandom(12345); int *ord = calloc(nc, sizeof(int)); for (int i = 0; i < nc; i++) ord[i] = i;
	for (int r = -warm; r < rounds; r++) { for (int i = nc - 1; i > 0; i--) { int k = random() % (i + 1), t = ord[i]; ord[i] = ord[k]; ord[k] = t; } for (int c = 0; c < nc; c++) seq(&C[ord[c]], r, r >= 0); }
	if (csv) fclose(csv);
	return 0;
}
