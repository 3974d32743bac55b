// What the daemon and process 1 of a container say to each other.
//
// Two documents travel as sealed memory files: a *plan* (how the container is set up) and a *program* (what to run in
// it). Everything else is one fixed frame per message on a SOCK_SEQPACKET socket, with descriptors attached.
//
//   daemon                                    process 1
//   ------                                    ---------
//   clone3 + exec            ------------->   waits on its listening socket (descriptor 3)
//   id maps, cgroups, veth
//   SETUP + plan + mounts    ------------->   carries out the operations in order, stamps each
//                            <-------------   SETUP + step records
//   SPAWN + program + pipes  ------------->   forks, prepares, execs; the child stamps its steps
//                            <-------------   SPAWN + step records (+ terminal)
//                            <-------------   EXITED + exit record, also appended to the ledger (descriptor 4)
//   (the daemon dies, another one starts)
//   HELLO, LIST, ADOPT       ------------->   answers with states and with the kept ends of the streams
//
// Version rule: process 1 answers in the version it was built with; a daemon understands every version from
// APRON_PROTOCOL_OLDEST on. Fields are only ever appended to the free space of a frame, kinds are never reused.
// All numbers are in the host's byte order: both sides always run on one machine.
#ifndef APRON_INIT_PROTOCOL_H
#define APRON_INIT_PROTOCOL_H

#include <stdint.h>

#define APRON_PROTOCOL_VERSION 1
#define APRON_PROTOCOL_OLDEST 1
#define APRON_PLAN_MAGIC 0x4e4c5041u    // "APLN"
#define APRON_PROGRAM_MAGIC 0x47525041u // "APRG"

// Descriptors that process 1 is born with; 0, 1 and 2 are /dev/null.
#define APRON_INIT_LISTENER 3
#define APRON_INIT_LEDGER 4

// Bounds, the same on both sides.
#define APRON_OPERATIONS_MAX 512  // operations of a plan
#define APRON_RECORDS_MAX 640     // step records of one reply: 20 KiB, far below a socket buffer
#define APRON_DESCRIPTORS_MAX 250 // descriptors of one message; the kernel allows 253 (unix(7))
#define APRON_LIST_MAX 128        // processes in one LIST reply
#define APRON_NO_TEXT 0u          // offset 0 is the document's header, hence never a text

enum apron_frame_kind {
    APRON_HELLO = 1,       // reply: argument[0] state of the container, [1] number of known processes
    APRON_SETUP = 2,       // descriptors: plan, then those the operations name
    APRON_SPAWN = 3,       // descriptors: program, then apron_stream order; process = its key
    APRON_SIGNAL = 4,      // process, or 0 for all but process 1; argument[0] signal number
    APRON_CLOSE_INPUT = 5, // process: process 1 lets its end of standard input go
    APRON_ADOPT = 6,       // process; reply: argument[0] bit set of apron_kept, descriptors in that order
    APRON_FORGET = 7,      // process: process 1 closes everything it keeps for an ended process
    APRON_LIST = 8,        // argument[0] first index; reply: count apron_process_state follow
    APRON_EXITED = 9,      // event, serial 0: one apron_exit follows
};

enum apron_container_state { APRON_WAITING = 0, APRON_READY = 1, APRON_FAILED = 2 };

// Order of the descriptors after the program in SPAWN. With a terminal only the last two are sent.
enum apron_stream { APRON_STDIN_READ, APRON_STDIN_WRITE, APRON_STDOUT_WRITE, APRON_STDOUT_READ, APRON_STDERR_WRITE,
                    APRON_STDERR_READ };

// What process 1 keeps of a process: bits of ADOPT's reply.
enum apron_kept { APRON_KEEPS_STDIN = 1, APRON_KEEPS_STDOUT = 2, APRON_KEEPS_STDERR = 4, APRON_KEEPS_TERMINAL = 8 };

struct apron_frame {
    uint16_t version;
    uint16_t kind;       // enum apron_frame_kind
    uint32_t serial;     // a reply carries its request's; 0 is an event
    uint32_t process;    // the daemon's key of a process, from 1
    int32_t error;       // errno of a failed request, 0 on success
    uint16_t call;       // enum apron_call that failed
    uint16_t step;       // index of the operation, or enum apron_program_step, that failed
    uint32_t count;      // entries that follow the frame in the same message
    uint64_t argument[4];
};
_Static_assert(sizeof(struct apron_frame) == 56, "frame is protocol");

// The system call of a step, for the error's text.
enum apron_call {
    APRON_CALL_NONE, APRON_CALL_OPENAT2, APRON_CALL_MKDIRAT, APRON_CALL_MOVE_MOUNT, APRON_CALL_FSOPEN,
    APRON_CALL_FSCONFIG, APRON_CALL_FSMOUNT, APRON_CALL_OPEN_TREE, APRON_CALL_MOUNT_SETATTR, APRON_CALL_MOUNT,
    APRON_CALL_FCHDIR, APRON_CALL_PIVOT_ROOT, APRON_CALL_UMOUNT2, APRON_CALL_CHDIR, APRON_CALL_UNSHARE,
    APRON_CALL_SETHOSTNAME, APRON_CALL_SETRESUID, APRON_CALL_SETRESGID, APRON_CALL_SETGROUPS, APRON_CALL_PRCTL,
    APRON_CALL_SOCKET, APRON_CALL_SEND, APRON_CALL_RECV, APRON_CALL_NETLINK, APRON_CALL_MMAP, APRON_CALL_FORK,
    APRON_CALL_SETSID, APRON_CALL_IOCTL, APRON_CALL_DUP2, APRON_CALL_SETRLIMIT, APRON_CALL_FCHOWN,
    APRON_CALL_CAPSET, APRON_CALL_SECCOMP, APRON_CALL_EXECVE, APRON_CALL_GETCWD, APRON_CALL_CLOSE_RANGE,
    APRON_CALL_PLAN, APRON_CALL_SYMLINKAT, APRON_CALL_STAT, APRON_CALL_SETPGID,
};

// The spans that steps are grouped into.
enum apron_group {
    APRON_GROUP_WAIT, APRON_GROUP_MOUNTS, APRON_GROUP_ROOT, APRON_GROUP_IDENTITY, APRON_GROUP_SECCOMP,
    APRON_GROUP_EXEC,
};

// One stamped step: CLOCK_BOOTTIME nanoseconds.
struct apron_step {
    uint16_t step;  // as in apron_frame
    uint16_t group; // enum apron_group
    uint16_t call;  // enum apron_call that failed
    uint16_t reserved;
    int32_t error;
    int32_t reserved2;
    uint64_t start;
    uint64_t end;
};
_Static_assert(sizeof(struct apron_step) == 32, "step is protocol");

// ---- the plan ------------------------------------------------------------------------------------------------------

// Operations, carried out in order. `descriptor` indexes the descriptors after the plan in the SETUP message.
enum apron_operation_code {
    APRON_IDENTITY = 1,    // become the container's root: setgroups, setresgid, setresuid to 0, ambient set cleared
    APRON_PRIVATE_MOUNTS,  // no propagation from or to the host's mounts
    APRON_ATTACH_ROOT,     // descriptor: the detached mount that becomes the root
    APRON_ATTACH,          // descriptor: a detached mount; target is made when missing (flags: APRON_TARGET_FILE)
    APRON_FILE_SYSTEM,     // source: type; data: "key=value\nflag\n…"; target; argument: mount attributes
    APRON_PIVOT,           // the attached root becomes /, the old one is detached
    APRON_MASK,            // target, if it exists: hidden by /dev/null or an empty read-only directory
    APRON_READ_ONLY,       // target, if it exists: made read-only
    APRON_HOST_NAME,       // source: the name
    APRON_NETLINK,         // data, argument: a complete rtnetlink message and its length; must be acknowledged
    APRON_PAYLOAD_CGROUP,  // descriptor: cgroup v2 directory that programs are born in
};

enum apron_operation_flags {
    APRON_TARGET_FILE = 1,   // the target is made as an empty file instead of a directory
    APRON_KEEP_DEVPTS = 2,   // this file system allocates the container's terminals
    APRON_OPTIONAL = 4,      // ENOENT, ENODEV, EPERM and EINVAL leave the container without it
    APRON_KEEP_NULL = 8,     // this mount is /dev: its null device masks files
};

struct apron_operation {
    uint16_t code;
    uint16_t group; // enum apron_group
    uint32_t flags;
    int32_t descriptor;
    uint32_t source; // offset of a NUL-terminated text, or APRON_NO_TEXT
    uint32_t target;
    uint32_t data;
    uint64_t argument;
};
_Static_assert(sizeof(struct apron_operation) == 32, "operation is protocol");

struct apron_plan {
    uint32_t magic;
    uint32_t version;
    uint32_t size;       // of the whole document
    uint32_t operations; // count; they follow this header
    uint64_t reserved[2];
};
_Static_assert(sizeof(struct apron_plan) == 32, "plan is protocol");

// ---- the program ---------------------------------------------------------------------------------------------------

enum apron_program_step {
    APRON_PROGRAM_FORK, APRON_PROGRAM_SESSION, APRON_PROGRAM_STREAMS, APRON_PROGRAM_LIMITS, APRON_PROGRAM_DIRECTORY,
    APRON_PROGRAM_BOUNDING, APRON_PROGRAM_USER, APRON_PROGRAM_CAPABILITIES, APRON_PROGRAM_SECCOMP,
    APRON_PROGRAM_EXEC, APRON_PROGRAM_TERMINAL, APRON_PROGRAM_CGROUP,
};

enum apron_program_flags {
    APRON_HAS_TERMINAL = 1,
    APRON_NO_NEW_PRIVILEGES = 2,
    APRON_OWN_DIRECTORY = 4, // a working directory that is made belongs to the user
    APRON_OWN_CGROUPS = 8,   // a new cgroup namespace: the cgroup that the program is born in becomes its root
};

struct apron_rlimit {
    uint32_t resource;
    uint32_t reserved;
    uint64_t soft;
    uint64_t hard;
};

struct apron_program {
    uint32_t magic;
    uint32_t version;
    uint32_t size;
    uint32_t flags;
    uint32_t uid;
    uint32_t gid;
    uint32_t groups;       // offset of group_count uint32
    uint32_t group_count;
    uint32_t arguments;    // offset of argument_count uint32 offsets of texts
    uint32_t argument_count;
    uint32_t environment;
    uint32_t environment_count;
    uint32_t candidates;   // paths to execute, tried in order
    uint32_t candidate_count;
    uint32_t directory;    // offset of a text
    uint32_t rlimits;      // offset of rlimit_count struct apron_rlimit
    uint32_t rlimit_count;
    uint32_t filter;       // offset of filter_count struct sock_filter (8 bytes each); none when filter_count is 0
    uint32_t filter_count;
    uint16_t columns;
    uint16_t rows;
    uint64_t bounding;     // capability sets, bit n = capability n
    uint64_t effective;
    uint64_t permitted;
    uint64_t inheritable;
};
_Static_assert(sizeof(struct apron_program) == 112, "program is protocol");

// ---- the ledger and LIST -------------------------------------------------------------------------------------------

struct apron_exit {
    uint32_t process;
    int32_t status;   // as of wait(2)
    uint64_t time;    // CLOCK_BOOTTIME nanoseconds
    uint64_t user_microseconds;
    uint64_t system_microseconds;
    uint64_t max_rss_kib;
    uint64_t minor_faults;
    uint64_t major_faults;
    uint64_t voluntary_switches;
    uint64_t involuntary_switches;
    uint64_t blocks_read;
    uint64_t blocks_written;
};
_Static_assert(sizeof(struct apron_exit) == 88, "exit is protocol");

enum apron_process_phase { APRON_RUNNING = 1, APRON_DRAINING = 2, APRON_ENDED = 3 };

struct apron_process_state {
    uint32_t process;
    uint32_t pid;     // inside the container
    uint32_t phase;   // enum apron_process_phase
    uint32_t kept;    // enum apron_kept
    struct apron_exit exit; // meaningful unless running
};
_Static_assert(sizeof(struct apron_process_state) == 104, "process state is protocol");

#endif
