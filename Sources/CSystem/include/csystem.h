/* Linux calls that the Swift Glibc module does not show, and what must be true across
 * fork. Thin: no policy, no state but the fork guard's. Every call returns what the
 * system call returns and leaves errno. */
#ifndef IPLDSTORE_CSYSTEM_H
#define IPLDSTORE_CSYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csystem_files.h"

/* Allocates [offset, offset+length) without changing the file's size. */
int ipsys_reserve(int fd, int64_t offset, int64_t length);
/* Gives [offset, offset+length) back to the file system; it reads as zeros afterwards. */
int ipsys_punch(int fd, int64_t offset, int64_t length);
/* Starts writing dirty pages of the range out, without waiting. */
int ipsys_start_writeback(int fd, int64_t offset, int64_t length);

/* Makes all that was written to the descriptor's file system durable. */
int ipsys_flush_file_system(int fd);

/* When a file was made, in nanoseconds since 1970; 0 where the file system does not say. -1 on failure. */
int64_t ipsys_birth_time(const char *path);

/* The first offset at or after `offset` that is no hole; -1 with ENXIO when none follows. */
int64_t ipsys_next_data(int fd, int64_t offset);
/* When a file was made, in nanoseconds since 1970; 0 where the file system does not say. -1 on failure. */
int64_t ipsys_birth_time(const char *path);

/* The first offset at or after `offset` that is in a hole, the file's end being one; -1 with ENXIO beyond
 * the end. Both move the descriptor's offset. */
int64_t ipsys_next_hole(int fd, int64_t offset);

/* Open-file-description locks on [offset, offset+length), never waiting. 0, or -1 with
 * EAGAIN when somebody else's lock is in the way. */
enum { IPSYS_UNLOCK = 0, IPSYS_SHARED = 1, IPSYS_EXCLUSIVE = 2 };
int ipsys_lock(int fd, int kind, int64_t offset, int64_t length);
/* 1 when an exclusive lock by another description stands in the range, 0 when not, -1. */
int ipsys_lock_probe(int fd, int64_t offset, int64_t length);

/* Locks a directory (flock), shared or alone, without waiting. */
int ipsys_lock_directory(int fd, bool alone);
/* Gives back all locks of either sort that the open file has. */
void ipsys_unlock(int fd);

/* Swaps what two names name. */
int ipsys_rename_exchange(const char *a, const char *b);
/* Fills `length` (at most 256) bytes with random ones. */
int ipsys_random(void *bytes, size_t length);
/* The magic number of the file system that holds fd, and its free bytes. */
int ipsys_file_system(int fd, int64_t *magic, uint64_t *free_bytes);

/* Fork guard. Descriptors that carry locks are closed in a forked child, whose inherited
 * descriptions would otherwise keep a dead parent's locks alive; and a page that the
 * kernel wipes in children tells the two apart even where both have the same pid. */
int ipsys_fork_guard_start(unsigned *generation);
/* This process's generation: the number that ipsys_fork_guard_start gave, or another one
 * (0 until the child starts its own guard) in a forked child. */
unsigned ipsys_fork_generation(void);
/* Any number of them; -1 with ENOMEM when memory has run out. */
int ipsys_close_on_fork(int fd);
/* Takes the descriptor off the list again; called before it is closed. */
void ipsys_keep_on_fork(int fd);

#endif
