#define _GNU_SOURCE
#include "flight_recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The calls themselves are made by number, so that nothing has to be looked up in libc. */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool recording, dies;
static dev_t device;
static uint8_t *log_bytes;
static size_t log_length, log_capacity;
static bool is_incomplete;

/* ---- The log ---- */

static void append(struct flight_record record, const char *name, const char *other_name,
                   const struct iovec *data, int parts, size_t data_length) {
    record.name_length = name ? (uint32_t)strlen(name) : 0;
    record.other_name_length = other_name ? (uint32_t)strlen(other_name) : 0;
    record.data_length = data_length;
    size_t plain = sizeof record + record.name_length + record.other_name_length + data_length;
    size_t whole = (plain + 7) / 8 * 8;
    if (log_length + whole > log_capacity) {
        size_t capacity = (log_length + whole) * 2;
        void *larger = realloc(log_bytes, capacity);
        if (larger == NULL) {
            is_incomplete = true;
            return;
        }
        log_bytes = larger;
        log_capacity = capacity;
    }
    uint8_t *end = log_bytes + log_length;
    memset(end, 0, whole);
    memcpy(end, &record, sizeof record);
    end += sizeof record;
    if (name) memcpy(end, name, record.name_length);
    end += record.name_length;
    if (other_name) memcpy(end, other_name, record.other_name_length);
    end += record.other_name_length;
    for (int i = 0; i < parts && data_length > 0; i++) {
        size_t part = data[i].iov_len < data_length ? data[i].iov_len : data_length;
        memcpy(end, data[i].iov_base, part);
        end += part;
        data_length -= part;
    }
    log_length += whole;
}

int flight_start(const char *directory) {
    struct stat status;
    if (stat(directory, &status) == -1) return -1;
    pthread_mutex_lock(&mutex);
    device = status.st_dev;
    log_length = 0;
    is_incomplete = false;
    atomic_store(&recording, true);
    pthread_mutex_unlock(&mutex);
    return 0;
}

void flight_die_after_durable_write(void) { atomic_store(&dies, true); }

void flight_mark(uint64_t number) {
    pthread_mutex_lock(&mutex);
    append((struct flight_record){.kind = FLIGHT_MARK, .offset = number}, NULL, NULL, NULL, 0, 0);
    pthread_mutex_unlock(&mutex);
}

const void *flight_stop(size_t *length) {
    pthread_mutex_lock(&mutex);
    atomic_store(&recording, false);
    *length = log_length;
    pthread_mutex_unlock(&mutex);
    return is_incomplete ? NULL : log_bytes;
}

/* ---- Where a name is ---- */

struct place {
    uint64_t directory;
    const char *name;
    bool counts;
    char copy[4096];
};

/* The directory of a path, and the last name of it. */
static void find(struct place *place, int directory, const char *path) {
    int before = errno;
    place->counts = false;
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    if (length < sizeof place->copy) {
        memcpy(place->copy, path, length);
        place->copy[length] = 0;
        char *slash = strrchr(place->copy, '/');
        place->name = slash ? slash + 1 : place->copy;
        const char *parent = slash == place->copy ? "/" : slash ? place->copy : ".";
        if (slash) *slash = 0;
        struct stat status;
        if (fstatat(directory, parent, &status, 0) == 0 && status.st_dev == device) {
            place->directory = status.st_ino;
            place->counts = true;
        }
    }
    errno = before;
}

static uint64_t file_number(int fd) {
    struct stat status;
    int before = errno;
    bool counts = fstat(fd, &status) == 0 && status.st_dev == device
        && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
    errno = before;
    return counts ? status.st_ino : 0;
}

static bool is_recording(void) { return atomic_load_explicit(&recording, memory_order_relaxed); }

/* ---- Opening ---- */

static int open_at(int directory, const char *path, int flags, unsigned mode) {
    bool changes = flags & (O_CREAT | O_TRUNC) && (flags & O_TMPFILE) != O_TMPFILE;
    if (!is_recording() || !changes) return (int)syscall(SYS_openat, directory, path, flags, mode);
    pthread_mutex_lock(&mutex);
    struct stat there;
    int before = errno;
    bool was_there = fstatat(directory, path, &there, 0) == 0;
    errno = before;
    int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    uint64_t number = fd >= 0 ? file_number(fd) : 0;
    if (number != 0 && !was_there) {
        struct place place;
        find(&place, directory, path);
        if (place.counts)
            append((struct flight_record){.kind = FLIGHT_MAKE_FILE, .file = number,
                                          .directory = place.directory},
                   place.name, NULL, NULL, 0, 0);
    } else if (number != 0 && flags & O_TRUNC && there.st_size > 0) {
        append((struct flight_record){.kind = FLIGHT_TRUNCATE, .file = number}, NULL, NULL, NULL, 0, 0);
    }
    pthread_mutex_unlock(&mutex);
    return fd;
}

#define MODE_OF(flags)                                     \
    unsigned mode = 0;                                     \
    if (flags & (O_CREAT | O_TMPFILE)) {                   \
        va_list arguments;                                 \
        va_start(arguments, flags);                        \
        mode = va_arg(arguments, unsigned);                \
        va_end(arguments);                                 \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_at(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_at(directory, path, flags, mode);
}

int creat(const char *path, mode_t mode) {
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* ---- Contents ---- */

/* After a transfer of `count` bytes. */
static void wrote(int fd, off_t offset, const struct iovec *parts, int part_count, ssize_t count) {
    uint64_t number = file_number(fd);
    if (number == 0 || count <= 0) return;
    int flags = fcntl(fd, F_GETFL);
    append((struct flight_record){.kind = FLIGHT_WRITE,
                                  .flags = flags != -1 && flags & O_DSYNC ? FLIGHT_DURABLE : 0,
                                  .file = number, .offset = (uint64_t)offset, .length = (uint64_t)count},
           NULL, NULL, parts, part_count, (size_t)count);
}

static ssize_t write_at(int fd, const struct iovec *parts, int count, off_t offset) {
    ssize_t result =
        count == 1 ? syscall(SYS_pwrite64, fd, parts[0].iov_base, parts[0].iov_len, offset)
                   : syscall(SYS_pwritev, fd, parts, (unsigned long)count, (unsigned long)offset, 0UL);
    if (atomic_load_explicit(&dies, memory_order_relaxed) && result >= 0
        && syscall(SYS_fcntl, fd, F_GETFL) & O_DSYNC)
        raise(SIGKILL);
    return result;
}

static ssize_t positioned(int fd, const struct iovec *parts, int count, off_t offset) {
    if (!is_recording()) return write_at(fd, parts, count, offset);
    pthread_mutex_lock(&mutex);
    ssize_t result = write_at(fd, parts, count, offset);
    wrote(fd, offset, parts, count, result);
    pthread_mutex_unlock(&mutex);
    return result;
}

static ssize_t sequential(int fd, const struct iovec *parts, int count) {
    if (!is_recording()) return syscall(SYS_writev, fd, parts, (unsigned long)count);
    pthread_mutex_lock(&mutex);
    int before = errno;
    off_t offset = lseek(fd, 0, SEEK_CUR);
    errno = before;
    ssize_t result = syscall(SYS_writev, fd, parts, (unsigned long)count);
    if (offset >= 0) wrote(fd, offset, parts, count, result);
    pthread_mutex_unlock(&mutex);
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    return positioned(fd, &part, 1, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    return positioned(fd, &part, 1, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return positioned(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return positioned(fd, parts, count, offset);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    return sequential(fd, &part, 1);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return sequential(fd, parts, count);
}

static int cut(int fd, off_t length) {
    if (!is_recording()) return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&mutex);
    int result = (int)syscall(SYS_ftruncate, fd, length);
    uint64_t number = result == 0 ? file_number(fd) : 0;
    if (number != 0)
        append((struct flight_record){.kind = FLIGHT_TRUNCATE, .file = number, .length = (uint64_t)length},
               NULL, NULL, NULL, 0, 0);
    pthread_mutex_unlock(&mutex);
    return result;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

static int allocate(int fd, int mode, off_t offset, off_t length) {
    if (!is_recording()) return (int)syscall(SYS_fallocate, fd, mode, offset, length);
    pthread_mutex_lock(&mutex);
    struct stat there;
    int before = errno;
    if (fstat(fd, &there) == -1) there.st_size = 0;
    errno = before;
    int result = (int)syscall(SYS_fallocate, fd, mode, offset, length);
    uint64_t number = result == 0 ? file_number(fd) : 0;
    if (number != 0 && mode & FALLOC_FL_PUNCH_HOLE)
        append((struct flight_record){.kind = FLIGHT_PUNCH, .file = number, .offset = (uint64_t)offset,
                                      .length = (uint64_t)length},
               NULL, NULL, NULL, 0, 0);
    else if (number != 0 && !(mode & FALLOC_FL_KEEP_SIZE) && offset + length > there.st_size)
        append((struct flight_record){.kind = FLIGHT_TRUNCATE, .file = number,
                                      .length = (uint64_t)(offset + length)},
               NULL, NULL, NULL, 0, 0);
    pthread_mutex_unlock(&mutex);
    return result;
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return allocate(fd, mode, offset, length); }
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    return allocate(fd, mode, offset, length);
}

/* ---- Flushing ---- */

static int flush(int fd, long call) {
    if (!is_recording()) return (int)syscall(call, fd);
    pthread_mutex_lock(&mutex);
    int result = (int)syscall(call, fd);
    uint64_t number = result == 0 ? file_number(fd) : 0;
    if (number != 0)
        append((struct flight_record){.kind = call == SYS_syncfs ? FLIGHT_FLUSH_ALL : FLIGHT_FLUSH,
                                      .file = number},
               NULL, NULL, NULL, 0, 0);
    pthread_mutex_unlock(&mutex);
    return result;
}

int fsync(int fd) { return flush(fd, SYS_fsync); }
int fdatasync(int fd) { return flush(fd, SYS_fdatasync); }
int syncfs(int fd) { return flush(fd, SYS_syncfs); }

/* ---- Names ---- */

static int make_directory(int directory, const char *path, mode_t mode) {
    if (!is_recording()) return (int)syscall(SYS_mkdirat, directory, path, mode);
    pthread_mutex_lock(&mutex);
    int result = (int)syscall(SYS_mkdirat, directory, path, mode);
    struct place place;
    struct stat status;
    if (result == 0) {
        find(&place, directory, path);
        if (place.counts && fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0)
            append((struct flight_record){.kind = FLIGHT_MAKE_DIRECTORY, .file = status.st_ino,
                                          .directory = place.directory},
                   place.name, NULL, NULL, 0, 0);
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

int mkdir(const char *path, mode_t mode) { return make_directory(AT_FDCWD, path, mode); }
int mkdirat(int directory, const char *path, mode_t mode) { return make_directory(directory, path, mode); }

static int remove_at(int directory, const char *path, int flags) {
    if (!is_recording()) return (int)syscall(SYS_unlinkat, directory, path, flags);
    pthread_mutex_lock(&mutex);
    struct place place;
    find(&place, directory, path);
    int result = (int)syscall(SYS_unlinkat, directory, path, flags);
    if (result == 0 && place.counts)
        append((struct flight_record){.kind = FLIGHT_REMOVE, .directory = place.directory}, place.name,
               NULL, NULL, 0, 0);
    pthread_mutex_unlock(&mutex);
    return result;
}

int unlink(const char *path) { return remove_at(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return remove_at(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int directory, const char *path, int flags) { return remove_at(directory, path, flags); }

static int link_at(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    if (!is_recording()) return (int)syscall(SYS_linkat, from_directory, from, to_directory, to, flags);
    pthread_mutex_lock(&mutex);
    int result = (int)syscall(SYS_linkat, from_directory, from, to_directory, to, flags);
    struct place place;
    struct stat status;
    if (result == 0) {
        find(&place, to_directory, to);
        if (place.counts && fstatat(to_directory, to, &status, AT_SYMLINK_NOFOLLOW) == 0)
            append((struct flight_record){.kind = FLIGHT_LINK, .file = status.st_ino,
                                          .directory = place.directory},
                   place.name, NULL, NULL, 0, 0);
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

int link(const char *from, const char *to) { return link_at(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    return link_at(from_directory, from, to_directory, to, flags);
}

static int rename_at(int from_directory, const char *from, int to_directory, const char *to,
                     unsigned flags) {
    if (!is_recording()) return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
    pthread_mutex_lock(&mutex);
    struct place place, other;
    find(&place, from_directory, from);
    find(&other, to_directory, to);
    int result = (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
    if (result == 0 && place.counts && other.counts)
        append((struct flight_record){
                   .kind = flags & RENAME_EXCHANGE ? FLIGHT_EXCHANGE : FLIGHT_RENAME,
                   .directory = place.directory, .other_directory = other.directory},
               place.name, other.name, NULL, 0, 0);
    pthread_mutex_unlock(&mutex);
    return result;
}

int rename(const char *from, const char *to) { return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    return rename_at(from_directory, from, to_directory, to, 0);
}
int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    return rename_at(from_directory, from, to_directory, to, flags);
}

/* ---- Clocks ---- */

static _Atomic int64_t clock_offset;

void flight_set_clock(int64_t seconds) { atomic_store(&clock_offset, seconds); }

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME)
        time->tv_sec += atomic_load_explicit(&clock_offset, memory_order_relaxed);
    return result;
}
