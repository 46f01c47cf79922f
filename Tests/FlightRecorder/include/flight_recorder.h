/* Records every call that changes a file system: what is written, cut, punched, made, linked, renamed,
 * removed and flushed, in order, with its data.
 *
 * What always holds: a program that has this linked in makes these calls here, in its libraries (LMDB) too,
 * because a program's own symbols come before those of libc. Between flight_start and flight_stop calls on
 * the file system of one directory are made one at a time, and are in the log in the order in which they took
 * effect; those that failed are not in it. Otherwise they are passed on. What is written through a shared map
 * is not seen. */
#ifndef IPLDSTORE_FLIGHT_RECORDER_H
#define IPLDSTORE_FLIGHT_RECORDER_H

#include <stddef.h>
#include <stdint.h>

enum {
    FLIGHT_MAKE_FILE = 1,  /* `file`, under `name` in `directory` */
    FLIGHT_MAKE_DIRECTORY, /* likewise */
    FLIGHT_WRITE,          /* `data` to `file` at `offset` */
    FLIGHT_TRUNCATE,       /* `file` to `length` */
    FLIGHT_PUNCH,          /* `length` bytes of `file` at `offset` become zeros */
    FLIGHT_FLUSH,          /* `file`, or the names in it when it is a directory */
    FLIGHT_FLUSH_ALL,      /* the file system */
    FLIGHT_LINK,           /* one more name of `file`: `name` in `directory` */
    FLIGHT_REMOVE,         /* `name` in `directory` */
    FLIGHT_RENAME,         /* `name` in `directory` to `other_name` in `other_directory` */
    FLIGHT_EXCHANGE,       /* these two */
    FLIGHT_MARK            /* what the program says of itself: `offset` */
};
enum {
    FLIGHT_DURABLE = 1 /* of a write: through a descriptor with O_DSYNC */
};

/* Followed by `name_length`, `other_name_length` and `data_length` bytes, and zeros to a multiple of 8.
 * Files are inode numbers. */
struct flight_record {
    uint32_t kind, flags;
    uint64_t file, directory, other_directory;
    uint64_t offset, length;
    uint32_t name_length, other_name_length;
    uint64_t data_length;
};

/* Begins an empty log of the file system of `directory`; -1 when there is no such directory. */
int flight_start(const char *directory);
void flight_mark(uint64_t number);
/* Ends the log; its bytes, valid until the next start. NULL when there was no memory for all of it. */
const void *flight_stop(size_t *length);

/* This process dies (SIGKILL) as soon as it has next written through a descriptor with O_DSYNC, which is how
 * LMDB writes what makes a commit. */
void flight_die_after_durable_write(void);

/* The clock of dates is so many seconds ahead of the machine's, for this process; 0 again as it is. */
void flight_set_clock(int64_t seconds);

#endif
