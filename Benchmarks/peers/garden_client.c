/* garden_client: a small Garden API client for benchmarks; also the co-process of pairbench's `ask`.
 * build: cc -O2 -o garden_client garden_client.c
 *
 * For every line on standard input: create a container, run PROG in it with standard output and standard error
 * attached, wait for the exit status and for the end of both streams, destroy the container. The answer is one line,
 * "create=us run=us destroy=us" and, when the program wrote something, "bytes=N sec=S". A line that ends in "!" says
 * that it failed; the reason is on standard error. Plain requests use one kept connection, as orchestrators do.
 *
 *   --addr HOST:PORT | /path.sock    the server (IPv4 address)
 *   --privileged                     privileged containers
 *   --rootfs URI                     root file system (default: the server's)
 *   --limits                         512 MiB of memory, 512 CPU shares, 1024 processes
 *   --network                        one outbound rule that allows everything, so that a normal network is given
 *   --prog PATH --args "A B"         the program (default /bin/true)
 *   --prefix P                       handles begin with P
 *   --traceparent                    every request carries a traceparent header
 *   --exec HANDLE                    per line: only run PROG in this living container; "run=us"
 *   --sha256                         add the SHA-256 of standard output to the answer
 *   --pause MS                       after the first MiB of output stop reading for MS, to see that nothing is lost
 *   --once                           once, without waiting for a line
 *   --create HANDLE, --destroy HANDLE   that request alone, then exit
 *   --hold N                         create N idle containers, print "created=N first=us last=us" (medians of the first
 *                                    and the last 20), keep them until standard input ends, destroy them
 *   --ping                           wait until the server answers GET /ping; prints "ping=us" since the start */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 4096, BODY_MAX = 1 << 20, CHUNK = 1 << 20, PAUSE_AFTER_BYTES = 1 << 20, HOLD_SAMPLES = 20 };

static const char *addr, *rootfs = "", *prog = "/bin/true", *args = "", *prefix = "", *exec_in;
static int privileged, limits, network, trace, want_sha, once;
static long pause_ms;
static char problem[TEXT_MAX];

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}
static int fail(const char *what, const char *detail)
{
	snprintf(problem, sizeof problem, "%s: %s", what, detail);
	return -1;
}

/* ---- SHA-256 (FIPS 180-4) ---- */
struct sha { uint32_t h[8]; uint64_t n; unsigned char b[64]; };
static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
static uint32_t ror(uint32_t x, int k) { return x >> k | x << (32 - k); }
static void sha_block(struct sha *s, const unsigned char *p)
{
	uint32_t w[64], v[8];
	for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t b = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
	memcpy(v, s->h, sizeof v);
	for (int i = 0; i < 64; i++) {
		uint32_t t1 = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
		uint32_t t2 = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 28);
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++) s->h[i] += v[i];
}
static void sha_start(struct sha *s)
{
	static const uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	memcpy(s->h, h, sizeof h);
	s->n = 0;
}
static void sha_add(struct sha *s, const unsigned char *p, size_t l)
{
	while (l) {
		size_t o = s->n % 64, k = 64 - o < l ? 64 - o : l;
		if (!o && l >= 64) { sha_block(s, p); k = 64; }
		else { memcpy(s->b + o, p, k); if (o + k == 64) sha_block(s, s->b); }
		s->n += k; p += k; l -= k;
	}
}
static void sha_end(struct sha *s, char *hex)
{
	uint64_t bits = s->n * 8;
	sha_add(s, (const unsigned char *)"\x80", 1);
	while (s->n % 64 != 56) sha_add(s, (const unsigned char *)"", 1);
	unsigned char l[8];
	for (int i = 0; i < 8; i++) l[i] = bits >> (56 - 8 * i);
	sha_add(s, l, 8);
	for (int i = 0; i < 8; i++) sprintf(hex + 8 * i, "%08x", s->h[i]);
}

/* ---- HTTP ---- */
struct conn { int fd; size_t from, to; char b[CHUNK]; }; /* b[from..to) is received and not yet used */
static struct conn plain = {.fd = -1}, mainc, outc, errc;

static int dial(struct conn *c)
{
	c->from = c->to = 0;
	if (addr[0] == '/') {
		struct sockaddr_un u = {.sun_family = AF_UNIX};
		strncpy(u.sun_path, addr, sizeof u.sun_path - 1);
		c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fd < 0 || connect(c->fd, (void *)&u, sizeof u)) goto bad;
		return 0;
	}
	char host[64];
	const char *colon = strrchr(addr, ':');
	if (!colon || colon - addr >= (long)sizeof host) return fail("address", addr);
	snprintf(host, sizeof host, "%.*s", (int)(colon - addr), addr);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
	int one = 1;
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1) return fail("address", addr);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (void *)&a, sizeof a)) goto bad;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return 0;
bad:
	fail("connect", strerror(errno));
	if (c->fd >= 0) close(c->fd);
	c->fd = -1;
	return -1;
}
static void hang_up(struct conn *c) { if (c->fd >= 0) close(c->fd); c->fd = -1; }
static int fill(struct conn *c) /* 1 more bytes, 0 end, -1 error */
{
	if (c->from == c->to) c->from = c->to = 0;
	else if (c->to == sizeof c->b) {
		if (!c->from) return fail("receive", "buffer full");
		memmove(c->b, c->b + c->from, c->to - c->from);
		c->to -= c->from;
		c->from = 0;
	}
	ssize_t r = read(c->fd, c->b + c->to, sizeof c->b - c->to);
	if (r < 0) return fail("receive", strerror(errno));
	c->to += r;
	return r > 0;
}
static int put(struct conn *c, const char *p, size_t l)
{
	while (l) {
		ssize_t r = send(c->fd, p, l, MSG_NOSIGNAL);
		if (r < 0) return fail("send", strerror(errno));
		p += r; l -= r;
	}
	return 0;
}
static int line(struct conn *c, char *o, size_t z) /* up to CRLF, without it */
{
	for (;;) {
		char *s = c->b + c->from, *e = memmem(s, c->to - c->from, "\r\n", 2);
		if (e) {
			if ((size_t)(e - s) >= z) return fail("head", "line too long");
			memcpy(o, s, e - s);
			o[e - s] = 0;
			c->from += e - s + 2;
			return 0;
		}
		int r = fill(c);
		if (r <= 0) return r ? r : fail("receive", "connection closed");
	}
}
static int skip(struct conn *c, size_t n, char *o, size_t z, size_t *used) /* takes n bytes, keeps what fits in o */
{
	while (n) {
		if (c->from == c->to) {
			int r = fill(c);
			if (r <= 0) return r ? r : fail("receive", "connection closed in a body");
		}
		size_t k = c->to - c->from < n ? c->to - c->from : n;
		if (o && *used + 1 < z) {
			size_t m = k < z - 1 - *used ? k : z - 1 - *used;
			memcpy(o + *used, c->b + c->from, m);
			*used += m;
		}
		c->from += k; n -= k;
	}
	return 0;
}
struct head { int status, chunked, close; long length; };
static int ask(struct conn *c, const char *method, const char *path, const char *body, struct head *h)
{
	static char out[BODY_MAX];
	char l[TEXT_MAX], tp[96] = "";
	size_t bl = body ? strlen(body) : 0;
	if (trace) {
		static unsigned long k; /* ids: unique, never all zero */
		snprintf(tp, sizeof tp, "traceparent: 00-%016lx%016lx-%016lx-01\r\n", (unsigned long)getpid(), k + 1, k + 1);
		k++;
	}
	int n = snprintf(out, sizeof out, "%s %s HTTP/1.1\r\nHost: api\r\n%s%sContent-Length: %zu\r\n\r\n", method, path, tp,
		body ? "Content-Type: application/json\r\n" : "", bl);
	if (n + bl >= sizeof out) return fail("send", "body too long");
	if (bl) memcpy(out + n, body, bl);
	if (put(c, out, n + bl) || line(c, l, sizeof l)) return -1;
	*h = (struct head){0};
	if (sscanf(l, "HTTP/1.%*d %d", &h->status) != 1) return fail("head", l);
	for (;;) {
		if (line(c, l, sizeof l)) return -1;
		if (!l[0]) return 0;
		if (!strncasecmp(l, "content-length:", 15)) h->length = atol(l + 15);
		if (!strncasecmp(l, "transfer-encoding:", 18) && strcasestr(l, "chunked")) h->chunked = 1;
		if (!strncasecmp(l, "connection:", 11) && strcasestr(l, "close")) h->close = 1;
	}
}
static int body_of(struct conn *c, struct head *h, char *o, size_t z)
{
	size_t used = 0;
	char l[64];
	o[0] = 0;
	if (!h->chunked) { if (skip(c, h->length, o, z, &used)) return -1; }
	else for (;;) {
		if (line(c, l, sizeof l)) return -1;
		long n = strtol(l, 0, 16);
		if (skip(c, n, o, z, &used)) return -1;
		if (line(c, l, sizeof l)) return -1;
		if (!n) break;
	}
	o[used] = 0;
	return 0;
}
static int plain_request(const char *method, const char *path, const char *body, char *o, size_t z)
{
	struct head h;
	char what[TEXT_MAX];
	if (plain.fd < 0 && dial(&plain)) return -1;
	if (ask(&plain, method, path, body, &h) || body_of(&plain, &h, o, z)) { hang_up(&plain); return -1; }
	if (h.close) hang_up(&plain);
	if (h.status < 300) return 0;
	snprintf(what, sizeof what, "%s %.200s: %d", method, path, h.status);
	return fail(what, o);
}

/* ---- JSON: just enough for the values that this client asks for ---- */
static void quote(char *o, size_t z, const char *s)
{
	size_t k = 0;
	o[k++] = '"';
	for (; *s && k + 8 < z; s++) {
		if (*s == '"' || *s == '\\') o[k++] = '\\';
		if ((unsigned char)*s < 32) k += sprintf(o + k, "\\u%04x", *s);
		else o[k++] = *s;
	}
	o[k++] = '"';
	o[k] = 0;
}
static int text_of(const char *json, const char *key, char *o, size_t z) /* a string without escapes */
{
	char k[64];
	snprintf(k, sizeof k, "\"%s\"", key);
	const char *p = strstr(json, k);
	if (!p) return -1;
	p += strlen(k);
	while (*p && (isspace((unsigned char)*p) || *p == ':')) p++;
	if (*p++ != '"') return -1;
	const char *e = strchr(p, '"');
	if (!e || (size_t)(e - p) >= z) return -1;
	memcpy(o, p, e - p);
	o[e - p] = 0;
	return 0;
}
static int number_of(const char *json, const char *key, long *v)
{
	char k[64], *e;
	snprintf(k, sizeof k, "\"%s\"", key);
	const char *p = strstr(json, k);
	if (!p) return -1;
	p += strlen(k);
	while (*p && (isspace((unsigned char)*p) || *p == ':')) p++;
	*v = strtol(p, &e, 10);
	return e == p ? -1 : 0;
}
static int value(struct conn *c, char *o, size_t z) /* takes one JSON object if it is complete: 1, 0 not yet */
{
	int depth = 0, in = 0;
	while (c->from < c->to && isspace((unsigned char)c->b[c->from])) c->from++;
	for (size_t i = c->from; i < c->to; i++) {
		char x = c->b[i];
		if (in) { if (x == '\\') i++; else if (x == '"') in = 0; continue; }
		if (x == '"') in = 1;
		if (x == '{') depth++;
		if (x == '}' && !--depth) {
			size_t n = i + 1 - c->from;
			if (n >= z) return fail("run stream", "payload too long");
			memcpy(o, c->b + c->from, n);
			o[n] = 0;
			c->from += n;
			return 1;
		}
	}
	return 0;
}

/* ---- what is measured ---- */
struct outcome { uint64_t bytes; double sec; char hash[65]; };
static int stream(struct conn *c, const char *h, const char *pid, const char *sid, const char *which)
{
	char path[TEXT_MAX];
	struct head hd;
	snprintf(path, sizeof path, "/containers/%s/processes/%s/attaches/%s/%s", h, pid, sid, which);
	if (dial(c) || ask(c, "GET", path, 0, &hd)) return -1;
	return hd.status == 200 ? 0 : fail(which, "not 200");
}
static int drain(struct outcome *r, struct sha *s, double begin) /* until the exit status and both ends have come */
{
	struct conn *cs[3] = {&mainc, &outc, &errc};
	int open_streams = 3, paused = !pause_ms;
	long status = -1;
	char msg[TEXT_MAX];
	for (;;) {
		for (int k; status < 0 && (k = value(&mainc, msg, sizeof msg));) {
			char e[TEXT_MAX];
			if (k < 0) return -1;
			if (!text_of(msg, "error", e, sizeof e)) return fail("process", e);
			if (!number_of(msg, "exit_status", &status)) break;
		}
		if (outc.to > outc.from) {
			if (want_sha) sha_add(s, (unsigned char *)outc.b + outc.from, outc.to - outc.from);
			r->bytes += outc.to - outc.from;
			outc.from = outc.to;
		}
		errc.from = errc.to;
		if (!paused && r->bytes >= PAUSE_AFTER_BYTES) { usleep(pause_ms * 1000); paused = 1; }
		if (!open_streams || (status >= 0 && outc.fd < 0 && errc.fd < 0)) break;
		struct pollfd p[3];
		for (int i = 0; i < 3; i++) p[i] = (struct pollfd){.fd = cs[i]->fd, .events = POLLIN};
		if (poll(p, 3, 60000) <= 0) return fail("run stream", "nothing for a minute");
		for (int i = 0; i < 3; i++) {
			if (!p[i].revents) continue;
			int k = fill(cs[i]);
			if (k < 0) return -1;
			if (k) continue;
			hang_up(cs[i]);
			open_streams--;
			if (i == 1) r->sec = (now_us() - begin) / 1e6;
		}
	}
	if (status < 0) return fail("run stream", "closed without an exit status");
	if (status) { snprintf(msg, sizeof msg, "%ld", status); return fail("exit status", msg); }
	return 0;
}
static int run_in(const char *h, struct outcome *r)
{
	char body[BODY_MAX / 4], path[TEXT_MAX], pid[512], sid[128], list[TEXT_MAX] = "", q[TEXT_MAX], words[TEXT_MAX], first[TEXT_MAX];
	struct head hd;
	struct sha s;
	int k = 0;
	double begin = now_us();
	memset(r, 0, sizeof *r);
	sha_start(&s);
	snprintf(words, sizeof words, "%s", args);
	for (char *save, *t = strtok_r(words, " ", &save); t; t = strtok_r(0, " ", &save)) {
		quote(q, sizeof q, t);
		size_t l = strlen(list);
		snprintf(list + l, sizeof list - l, "%s%s", l ? "," : "", q);
	}
	quote(q, sizeof q, prog);
	snprintf(body, sizeof body, "{\"path\":%s,\"args\":[%s],\"user\":\"root\",\"dir\":\"/\"}\n", q, list);
	snprintf(path, sizeof path, "/containers/%s/processes", h);
	if (dial(&mainc) || ask(&mainc, "POST", path, body, &hd)) goto bad;
	if (hd.status >= 300) { body_of(&mainc, &hd, body, sizeof body); fail("run", body); goto bad; }
	while (!(k = value(&mainc, first, sizeof first))) {
		k = fill(&mainc);
		if (k <= 0) { if (!k) fail("run stream", "closed at once"); goto bad; }
	}
	if (k < 0 || text_of(first, "process_id", pid, sizeof pid) || text_of(first, "stream_id", sid, sizeof sid)) { fail("run stream", first); goto bad; }
	if (stream(&outc, h, pid, sid, "stdout") || stream(&errc, h, pid, sid, "stderr") || drain(r, &s, begin)) goto bad;
	hang_up(&mainc);
	sha_end(&s, r->hash);
	return 0;
bad:
	hang_up(&mainc); hang_up(&outc); hang_up(&errc);
	return -1;
}
static int create(const char *h)
{
	char body[TEXT_MAX], q[TEXT_MAX / 2], reply[TEXT_MAX];
	int n = snprintf(body, sizeof body, "{\"handle\":\"%s\",\"privileged\":%s", h, privileged ? "true" : "false");
	if (*rootfs) { quote(q, sizeof q, rootfs); n += snprintf(body + n, sizeof body - n, ",\"rootfs\":%s", q); }
	if (limits) n += snprintf(body + n, sizeof body - n, ",\"limits\":{\"memory_limits\":{\"limit_in_bytes\":536870912},\"cpu_limits\":{\"limit_in_shares\":512},\"pid_limits\":{\"max\":1024}}");
	if (network) n += snprintf(body + n, sizeof body - n, ",\"netout_rules\":[{\"protocol\":0,\"networks\":[{\"start\":\"0.0.0.0\",\"end\":\"255.255.255.255\"}]}]");
	snprintf(body + n, sizeof body - n, "}");
	return plain_request("POST", "/containers", body, reply, sizeof reply);
}
static int destroy(const char *h)
{
	char path[TEXT_MAX], reply[TEXT_MAX];
	snprintf(path, sizeof path, "/containers/%s", h);
	return plain_request("DELETE", path, 0, reply, sizeof reply);
}
static int one(char *o, size_t z)
{
	static unsigned long counter;
	char h[256];
	struct outcome r;
	double t0 = now_us(), t1, t2, t3;
	int n;
	if (exec_in) {
		if (run_in(exec_in, &r)) return -1;
		n = snprintf(o, z, "run=%.1f", now_us() - t0);
	} else {
		snprintf(h, sizeof h, "%sg%d-%lu", prefix, getpid(), ++counter);
		if (create(h)) return -1;
		t1 = now_us();
		if (run_in(h, &r)) { char p[TEXT_MAX]; strcpy(p, problem); destroy(h); strcpy(problem, p); return -1; }
		t2 = now_us();
		if (destroy(h)) return -1;
		t3 = now_us();
		n = snprintf(o, z, "create=%.1f run=%.1f destroy=%.1f", t1 - t0, t2 - t1, t3 - t2);
	}
	if (r.bytes) n += snprintf(o + n, z - n, " bytes=%lu sec=%.4f", (unsigned long)r.bytes, r.sec);
	if (want_sha) snprintf(o + n, z - n, " sha256=%s", r.hash);
	return 0;
}
static int by_value(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b; return x < y ? -1 : x > y; }
static int hold(int n)
{
	char h[256], l[64];
	double *t = calloc(n + 1, sizeof *t);
	int made = 0, bad = 0;
	for (; made < n; made++) {
		double t0 = now_us();
		snprintf(h, sizeof h, "%shold%d-%d", prefix, getpid(), made);
		if (create(h)) { fprintf(stderr, "garden_client: %s\n", problem); bad = 1; break; }
		t[made] = now_us() - t0;
	}
	int some = made < 2 * HOLD_SAMPLES ? (made + 1) / 2 : HOLD_SAMPLES;
	qsort(t, some, sizeof *t, by_value);
	qsort(t + made - some, some, sizeof *t, by_value);
	printf("created=%d first=%.1f last=%.1f\n", made, t[some / 2], t[made - some + some / 2]);
	fflush(stdout);
	while (fgets(l, sizeof l, stdin));
	for (int i = 0; i < made; i++) {
		snprintf(h, sizeof h, "%shold%d-%d", prefix, getpid(), i);
		if (destroy(h)) { fprintf(stderr, "garden_client: %s\n", problem); bad = 1; }
	}
	free(t);
	return bad;
}
static int ping(void)
{
	char o[256];
	double begin = now_us();
	while (now_us() - begin < 60e6) {
		if (!plain_request("GET", "/ping", 0, o, sizeof o)) { printf("ping=%.1f\n", now_us() - begin); return 0; }
		hang_up(&plain);
		usleep(200);
	}
	fprintf(stderr, "garden_client: %s\n", problem);
	return 1;
}
static int only(int bad)
{
	if (bad) fprintf(stderr, "garden_client: %s\n", problem);
	return bad ? 1 : 0;
}
int main(int c, char **v)
{
	static const struct option opts[] = {
		{"addr", 1, 0, 'a'}, {"privileged", 0, 0, 'p'}, {"rootfs", 1, 0, 'r'}, {"limits", 0, 0, 'l'}, {"network", 0, 0, 'n'},
		{"prog", 1, 0, 'g'}, {"args", 1, 0, 'G'}, {"prefix", 1, 0, 'x'}, {"traceparent", 0, 0, 't'}, {"exec", 1, 0, 'e'},
		{"sha256", 0, 0, 's'}, {"pause", 1, 0, 'P'}, {"once", 0, 0, 'o'}, {"create", 1, 0, 'c'}, {"destroy", 1, 0, 'd'},
		{"hold", 1, 0, 'h'}, {"ping", 0, 0, 'i'}, {0, 0, 0, 0}};
	const char *make = 0, *unmake = 0;
	int o, keep = 0, pinging = 0;
	char l[64], answer[512];
	mainc.fd = outc.fd = errc.fd = -1;
	signal(SIGPIPE, SIG_IGN);
	while ((o = getopt_long(c, v, "", opts, 0)) != -1) switch (o) {
	case 'a': addr = optarg; break;
	case 'p': privileged = 1; break;
	case 'r': rootfs = optarg; break;
	case 'l': limits = 1; break;
	case 'n': network = 1; break;
	case 'g': prog = optarg; break;
	case 'G': args = optarg; break;
	case 'x': prefix = optarg; break;
	case 't': trace = 1; break;
	case 'e': exec_in = optarg; break;
	case 's': want_sha = 1; break;
	case 'P': pause_ms = atol(optarg); break;
	case 'o': once = 1; break;
	case 'c': make = optarg; break;
	case 'd': unmake = optarg; break;
	case 'h': keep = atoi(optarg); break;
	case 'i': pinging = 1; break;
	default: return 2;
	}
	if (!addr) { fprintf(stderr, "garden_client: --addr is missing\n"); return 2; }
	if (pinging) return ping();
	if (make) return only(create(make));
	if (unmake) return only(destroy(unmake));
	if (keep) return hold(keep);
	while (once || fgets(l, sizeof l, stdin)) {
		int bad = one(answer, sizeof answer);
		if (bad) { fprintf(stderr, "garden_client: %s\n", problem); hang_up(&plain); }
		puts(bad ? "failed!" : answer);
		fflush(stdout);
		if (once) return bad ? 1 : 0;
	}
	return 0;
}
