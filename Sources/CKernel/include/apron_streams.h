// The calls that move bytes between pipes, files and sockets, and wait for them. All return -1 with errno set.
#ifndef APRON_STREAMS_H
#define APRON_STREAMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

struct apron_pipe_ends {
    int reader;
    int writer;
};

struct apron_file_status {
    uint32_t mode;
    uint64_t size;
    uint64_t blocks; // of 512 bytes
};

// pipe2(2) with O_CLOEXEC; both ends blocking.
int apron_pipe(struct apron_pipe_ends *ends);
// F_GETPIPE_SZ and F_SETPIPE_SZ: the capacity in bytes.
int apron_pipe_capacity(int fd);
int apron_set_pipe_capacity(int fd, int bytes);
// FIONREAD: bytes that a read would find now.
int apron_unread(int fd, int *bytes);

// splice(2) with SPLICE_F_NONBLOCK; `to_offset` is -1 when `to` is not a file.
ssize_t apron_splice(int from, int to, int64_t to_offset, size_t count);
// fallocate(2) with PUNCH_HOLE and KEEP_SIZE.
int apron_punch_hole(int fd, int64_t offset, int64_t length);
// lseek(2) with SEEK_DATA; ENXIO when there is no data behind `offset`.
int64_t apron_seek_data(int fd, int64_t offset);
int apron_file_status(int fd, struct apron_file_status *status);

int apron_epoll_create(void);
// epoll_ctl(2) with `token` as the data.
int apron_epoll_change(int epoll, int operation, int fd, uint32_t events, uint64_t token);
int apron_eventfd(void);
// poll(2) of one descriptor without waiting: 1 when any of `events` is there, else 0.
int apron_poll_now(int fd, short events);
// setsockopt(2) of an int.
int apron_set_socket_option(int fd, int level, int name, int value);

// A detached thread with every signal blocked but SIGCHLD. `entry` is called with `context` on it.
int apron_thread_start(void *(*entry)(void *), void *context);
// The calling thread's name, at most 15 bytes; for another thread it would take a file.
void apron_thread_name(const char *name);
// mallopt(3): threads that are started from now on have no heap of their own, and the one there is grows by 1 MiB.
void apron_heap_unite(void);

#endif
