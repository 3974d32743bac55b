/* tcpfloor: the floor of "output of a process over HTTP": a writer, a pipe, one relay, TCP on loopback, a reader.
 * build: cc -O2 -o tcpfloor tcpfloor.c ; usage: tcpfloor MIB
 * Prints "NAME MIB_PER_SECOND" for a relay that reads and writes, and for one that splices. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_BYTES = 64 << 10, RELAY_BYTES = 256 << 10, READ_BYTES = 1 << 20, PIPE_BYTES = 1 << 20 };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
static void die(const char *what) { perror(what); exit(1); }
static void write_all(int fd, const char *p, long n)
{
	for (long r; n > 0; p += r, n -= r) if ((r = write(fd, p, n)) < 0) _exit(1);
}
int main(int c, char **v)
{
	long mib = c > 1 ? atol(v[1]) : 256;
	char *buf = malloc(READ_BYTES);
	memset(buf, 'x', READ_BYTES);
	for (int spliced = 0; spliced < 2; spliced++) {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t al = sizeof a;
		int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), p[2];
		if (l < 0 || bind(l, (void *)&a, al) || listen(l, 1) || getsockname(l, (void *)&a, &al)) die("listen");
		if (pipe2(p, O_CLOEXEC)) die("pipe2");
		fcntl(p[0], F_SETPIPE_SZ, PIPE_BYTES);
		pid_t writer = fork();
		if (!writer) {
			close(p[0]);
			for (long i = 0; i < mib * ((1 << 20) / WRITE_BYTES); i++) write_all(p[1], buf, WRITE_BYTES);
			_exit(0);
		}
		close(p[1]);
		pid_t relay = fork();
		if (!relay) {
			int s = socket(AF_INET, SOCK_STREAM, 0);
			long r;
			if (connect(s, (void *)&a, al)) die("connect");
			if (spliced) while ((r = splice(p[0], 0, s, 0, PIPE_BYTES, SPLICE_F_MORE)) > 0);
			else while ((r = read(p[0], buf, RELAY_BYTES)) > 0) write_all(s, buf, r);
			_exit(0);
		}
		close(p[0]);
		int s = accept(l, 0, 0);
		long n = 0, r;
		double t = now();
		while ((r = read(s, buf, READ_BYTES)) > 0) n += r;
		printf("%s %.0f\n", spliced ? "splice" : "copy", n / (double)(1 << 20) / (now() - t));
		close(s);
		close(l);
		waitpid(writer, 0, 0);
		waitpid(relay, 0, 0);
	}
	return 0;
}
