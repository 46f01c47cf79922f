/* Calls on files of the host that Swift's Glibc module does not show, all relative to an open directory.
 * Thin, as csystem.h: what the call returns, and errno. */
#ifndef IPLDSTORE_CSYSTEM_FILES_H
#define IPLDSTORE_CSYSTEM_FILES_H

#include <stddef.h>
#include <stdint.h>

/* How ipsys_open_at opens. All of them close on exec, follow no link in the last component, do not wait for
 * the other end of a FIFO, and make no terminal the process's own. */
enum {
    IPSYS_READ = 0,
    IPSYS_WRITE = 1,
    IPSYS_WITHOUT_ACCESS = 2, /* O_PATH: names the file, and may neither read nor write it */
    IPSYS_DIRECTORY = 4,      /* only a directory */
    IPSYS_CREATE = 8,         /* only where there is nothing yet */
    IPSYS_UNTOUCHED = 16,     /* does not change the time of the last access; EPERM for who is no owner */
    IPSYS_FOLLOW = 32         /* for /proc/self/fd/N, which is a link to just that file */
};
int ipsys_open_at(int directory, const char *name, int how, unsigned mode);

/* A descriptor that was just opened, moved if it is 0, 1 or 2: what a host that has closed these prints would
 * go into our file. */
int ipsys_above_standard(int fd);
/* Opens /dev/null for those of 0, 1 and 2 that are closed, for good: before others open what cannot be
 * moved. */
void ipsys_occupy_standard(void);

/* Entries of a directory into the buffer, in the kernel's form; how many bytes, 0 at the end. */
int64_t ipsys_directory_entries(int fd, void *buffer, size_t length);
/* The entry at an offset of the buffer: the next one's offset and where the name is; -1 when it is none. */
int64_t ipsys_directory_entry(const void *buffer, size_t length, size_t offset, const char **name);

/* Extended attributes by a path, links not followed. */
int64_t ipsys_attribute_names(const char *path, void *buffer, size_t length);
int64_t ipsys_attribute(const char *path, const char *name, void *buffer, size_t length);
int ipsys_set_attribute(const char *path, const char *name, const void *value, size_t length);
int ipsys_remove_attribute(const char *path, const char *name);
/* The same by a descriptor that was opened with access. */
int64_t ipsys_open_attribute_names(int fd, void *buffer, size_t length);
int64_t ipsys_open_attribute(int fd, const char *name, void *buffer, size_t length);
int ipsys_set_open_attribute(int fd, const char *name, const void *value, size_t length);
int ipsys_remove_open_attribute(int fd, const char *name);

enum { IPSYS_FIFO = 0, IPSYS_SOCKET = 1, IPSYS_CHARACTER_DEVICE = 2, IPSYS_BLOCK_DEVICE = 3 };
int ipsys_make_node(int directory, const char *name, int kind, unsigned mode, uint32_t major, uint32_t minor);
void ipsys_device_numbers(uint64_t device, uint32_t *major, uint32_t *minor);

/* Changes what a descriptor has open, also one without access. */
int ipsys_set_mode(int fd, unsigned mode);
int ipsys_set_owner(int fd, uint32_t owner, uint32_t group);

/* Modification time; the time of the last access stays. `name` empty: the descriptor itself. */
int ipsys_set_time(int directory, const char *name, int64_t seconds, uint32_t nanoseconds);

/* When what a descriptor has open was made, also one without access: as ipsys_birth_time. */
int64_t ipsys_open_birth_time(int fd);

/* Renames where there is nothing yet, or (exchange) swaps. */
int ipsys_rename_new(int from_directory, const char *from, int to_directory, const char *to);
int ipsys_rename_swap(int from_directory, const char *from, int to_directory, const char *to);

#endif
