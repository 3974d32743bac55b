#define _GNU_SOURCE
#include "include/apron_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "offsets have 64 bits");

int apron_pipe(struct apron_pipe_ends *ends) {
    int both[2];
    if (pipe2(both, O_CLOEXEC) < 0) return -1;
    *ends = (struct apron_pipe_ends){.reader = both[0], .writer = both[1]};
    return 0;
}
int apron_pipe_capacity(int fd) { return fcntl(fd, F_GETPIPE_SZ); }
int apron_set_pipe_capacity(int fd, int bytes) { return fcntl(fd, F_SETPIPE_SZ, bytes); }
int apron_unread(int fd, int *bytes) { return ioctl(fd, FIONREAD, bytes); }

ssize_t apron_splice(int from, int to, int64_t to_offset, size_t count) {
    off_t offset = to_offset;
    return splice(from, NULL, to, to_offset < 0 ? NULL : &offset, count, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
}
int apron_punch_hole(int fd, int64_t offset, int64_t length) {
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}
int64_t apron_seek_data(int fd, int64_t offset) { return lseek(fd, offset, SEEK_DATA); }
int apron_file_status(int fd, struct apron_file_status *status) {
    struct stat facts;
    if (fstat(fd, &facts) < 0) return -1;
    *status = (struct apron_file_status){
        .mode = facts.st_mode, .size = (uint64_t)facts.st_size, .blocks = (uint64_t)facts.st_blocks};
    return 0;
}

int apron_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
int apron_epoll_change(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, fd, &event);
}
int apron_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
int apron_poll_now(int fd, short events) {
    struct pollfd one = {.fd = fd, .events = events};
    int count = poll(&one, 1, 0);
    return count < 0 ? -1 : (one.revents & events) != 0;
}
int apron_set_socket_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value);
}

int apron_thread_start(void *(*entry)(void *), void *context) {
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    // The end of a child is told to the thread that made it. Where SIGCHLD is not blocked the kernel drops it, as nobody
    // handles it; else it is kept for the process, and wakes the main thread and whoever reads signals, for nothing.
    sigdelset(&all, SIGCHLD);
    // The new thread inherits the mask.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, entry, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        errno = error;
        return -1;
    }
    pthread_detach(thread);
    return 0;
}

void apron_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

void apron_heap_unite(void) {
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, 1 << 20);
}
