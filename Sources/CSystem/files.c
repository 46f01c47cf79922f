#define _GNU_SOURCE
#include "csystem_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int ipsys_open_at(int directory, const char *name, int how, unsigned mode) {
    int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (how & IPSYS_WITHOUT_ACCESS) flags = O_CLOEXEC | O_PATH;
    else flags |= how & IPSYS_WRITE ? O_WRONLY : O_RDONLY;
    if (how & IPSYS_DIRECTORY) flags |= O_DIRECTORY;
    if (how & IPSYS_CREATE) flags |= O_CREAT | O_EXCL;
    if (how & IPSYS_UNTOUCHED) flags |= O_NOATIME;
    if (!(how & IPSYS_FOLLOW)) flags |= O_NOFOLLOW;
    return ipsys_above_standard(openat(directory, name, flags, mode));
}

int ipsys_above_standard(int fd) {
    if (fd < 0 || fd > STDERR_FILENO) return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = errno;
    close(fd);
    errno = error;
    return moved;
}

void ipsys_occupy_standard(void) {
    for (;;) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0) return;
        if (fd <= STDERR_FILENO) {
            fcntl(fd, F_SETFD, 0);
            continue;
        }
        close(fd);
        return;
    }
}

int64_t ipsys_directory_entries(int fd, void *buffer, size_t length) {
    return syscall(SYS_getdents64, fd, buffer, length);
}

/* What the kernel writes: getdents64(2). */
struct directory_entry {
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t kind;
};
enum { NAME_OFFSET = 19 };

int64_t ipsys_directory_entry(const void *buffer, size_t length, size_t offset, const char **name) {
    struct directory_entry entry;
    if (offset > length || length - offset < sizeof entry) return -1;
    const char *start = (const char *)buffer + offset;
    memcpy(&entry, start, sizeof entry);
    if (entry.length <= NAME_OFFSET || entry.length > length - offset) return -1;
    *name = start + NAME_OFFSET;
    if (memchr(*name, 0, entry.length - NAME_OFFSET) == NULL) return -1;
    return (int64_t)(offset + entry.length);
}

int64_t ipsys_attribute_names(const char *path, void *buffer, size_t length) {
    return llistxattr(path, buffer, length);
}

int64_t ipsys_attribute(const char *path, const char *name, void *buffer, size_t length) {
    return lgetxattr(path, name, buffer, length);
}

int ipsys_set_attribute(const char *path, const char *name, const void *value, size_t length) {
    return lsetxattr(path, name, value, length, 0);
}

int ipsys_remove_attribute(const char *path, const char *name) {
    return lremovexattr(path, name);
}

int64_t ipsys_open_attribute_names(int fd, void *buffer, size_t length) {
    return flistxattr(fd, buffer, length);
}

int64_t ipsys_open_attribute(int fd, const char *name, void *buffer, size_t length) {
    return fgetxattr(fd, name, buffer, length);
}

int ipsys_set_open_attribute(int fd, const char *name, const void *value, size_t length) {
    return fsetxattr(fd, name, value, length, 0);
}

int ipsys_remove_open_attribute(int fd, const char *name) {
    return fremovexattr(fd, name);
}

int ipsys_make_node(int directory, const char *name, int kind, unsigned mode, uint32_t major,
                    uint32_t minor) {
    static const mode_t kinds[] = {S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};
    if (kind < 0 || kind > 3) {
        errno = EINVAL;
        return -1;
    }
    dev_t device = kind >= IPSYS_CHARACTER_DEVICE ? makedev(major, minor) : 0;
    return mknodat(directory, name, kinds[kind] | (mode & 0777), device);
}

void ipsys_device_numbers(uint64_t device, uint32_t *major_number, uint32_t *minor_number) {
    *major_number = major(device);
    *minor_number = minor(device);
}

int ipsys_set_mode(int fd, unsigned mode) {
    if (fchmod(fd, mode) == 0) return 0;
    if (errno != EBADF) return -1;
    /* Opened without access: the link in /proc names just that file. */
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return chmod(path, mode);
}

int ipsys_set_owner(int fd, uint32_t owner, uint32_t group) {
    return fchownat(fd, "", owner, group, AT_EMPTY_PATH);
}

int ipsys_set_time(int directory, const char *name, int64_t seconds, uint32_t nanoseconds) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = (time_t)seconds, .tv_nsec = (long)nanoseconds}};
    if (*name == 0) return futimens(directory, times);
    return utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW);
}

int64_t ipsys_open_birth_time(int fd) {
    struct statx information;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &information) == -1) return -1;
    if (!(information.stx_mask & STATX_BTIME)) return 0;
    return (int64_t)information.stx_btime.tv_sec * 1000000000 + information.stx_btime.tv_nsec;
}

int ipsys_rename_new(int from_directory, const char *from, int to_directory, const char *to) {
    return renameat2(from_directory, from, to_directory, to, RENAME_NOREPLACE);
}

int ipsys_rename_swap(int from_directory, const char *from, int to_directory, const char *to) {
    return renameat2(from_directory, from, to_directory, to, RENAME_EXCHANGE);
}
