#define _GNU_SOURCE
#include "csystem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

int ipsys_reserve(int fd, int64_t offset, int64_t length) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length);
}

int ipsys_punch(int fd, int64_t offset, int64_t length) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, length);
}

int ipsys_start_writeback(int fd, int64_t offset, int64_t length) {
    return sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}

int64_t ipsys_birth_time(const char *path) {
    struct statx information;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &information) == -1) return -1;
    if (!(information.stx_mask & STATX_BTIME)) return 0;
    return (int64_t)information.stx_btime.tv_sec * 1000000000 + information.stx_btime.tv_nsec;
}

int ipsys_flush_file_system(int fd) {
    return syncfs(fd);
}

int64_t ipsys_next_data(int fd, int64_t offset) {
    return lseek(fd, offset, SEEK_DATA);
}

int64_t ipsys_next_hole(int fd, int64_t offset) {
    return lseek(fd, offset, SEEK_HOLE);
}

static struct flock range_lock(int kind, int64_t offset, int64_t length) {
    struct flock lock = {0};
    lock.l_type = kind == IPSYS_UNLOCK ? F_UNLCK : kind == IPSYS_SHARED ? F_RDLCK : F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = offset;
    lock.l_len = length;
    return lock;
}

int ipsys_lock(int fd, int kind, int64_t offset, int64_t length) {
    struct flock lock = range_lock(kind, offset, length);
    int result;
    do {
        result = fcntl(fd, F_OFD_SETLK, &lock);
    } while (result == -1 && errno == EINTR);
    if (result == -1 && errno == EACCES) errno = EAGAIN;
    return result;
}

int ipsys_lock_probe(int fd, int64_t offset, int64_t length) {
    struct flock lock = range_lock(IPSYS_SHARED, offset, length);
    if (fcntl(fd, F_OFD_GETLK, &lock) == -1) return -1;
    return lock.l_type == F_WRLCK ? 1 : 0;
}

int ipsys_lock_directory(int fd, bool alone) {
    int result;
    do {
        result = flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB);
    } while (result == -1 && errno == EINTR);
    return result;
}

void ipsys_unlock(int fd) {
    (void)ipsys_lock(fd, IPSYS_UNLOCK, 0, 0);
    (void)flock(fd, LOCK_UN);
}

int ipsys_rename_exchange(const char *a, const char *b) {
    return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

int ipsys_random(void *bytes, size_t length) {
    return getrandom(bytes, length, 0) == (ssize_t)length ? 0 : -1;
}

int ipsys_file_system(int fd, int64_t *magic, uint64_t *free_bytes) {
    struct statfs information;
    if (fstatfs(fd, &information) == -1) return -1;
    *magic = (int64_t)information.f_type;
    *free_bytes = (uint64_t)information.f_bavail * (uint64_t)information.f_bsize;
    return 0;
}

/* Which descriptors are registered: a bit each, in blocks that are made when they are first needed and never
 * freed, so that registering and the child of a fork go through them without a lock. */
enum { BLOCK_WORDS = 64, BLOCK_DESCRIPTORS = BLOCK_WORDS * 64 };
struct block {
    struct block *next;
    /* Of the first descriptor, divided by BLOCK_DESCRIPTORS. */
    int number;
    _Atomic uint64_t words[BLOCK_WORDS];
};
static _Atomic(struct block *) blocks;
static _Atomic(atomic_uint *) guard_page;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;
static int guard_error;

/* Swift's runtime locks with futexes whose owner is the thread's number, cached in this variable of its
 * (swift::threading_impl::linux::ulock_get_tid, as of Swift 6.3), which nothing corrects in the thread that
 * fork leaves: two threads of a child that first use the same generic type then spin for ever. Where the
 * runtime is linked into this library or program, this definition is merged with its own. */
extern __thread int swift_cached_tid __asm__("_ZZN5swift14threading_impl5linux13ulock_get_tidEvE3tid");
__attribute__((weak)) __thread int swift_cached_tid;

static void repair_child(void) {
    swift_cached_tid = 0;
    for (struct block *block = atomic_load(&blocks); block != NULL; block = block->next) {
        for (int i = 0; i < BLOCK_WORDS; i++) {
            uint64_t word = atomic_exchange_explicit(&block->words[i], 0, memory_order_relaxed);
            for (; word != 0; word &= word - 1)
                close(block->number * BLOCK_DESCRIPTORS + i * 64 + __builtin_ctzll(word));
        }
    }
}

static void start_guard(void) {
    long size = sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        guard_error = errno;
        return;
    }
    if (madvise(page, (size_t)size, MADV_WIPEONFORK) == -1) {
        guard_error = errno;
        munmap(page, (size_t)size);
        return;
    }
    atomic_store((atomic_uint *)page, 1);
    atomic_store(&guard_page, (atomic_uint *)page);
    guard_error = pthread_atfork(NULL, NULL, repair_child);
}

/* Generations: the page holds the generation of the process that armed it and zero in a
 * child; a child that opens a store of its own arms it again with the next number, so that
 * handles inherited from the parent stay refused for ever. */
static atomic_uint last_generation = 1;

int ipsys_fork_guard_start(unsigned *generation) {
    pthread_once(&guard_once, start_guard);
    if (guard_error != 0) {
        errno = guard_error;
        return -1;
    }
    atomic_uint *page = atomic_load_explicit(&guard_page, memory_order_acquire);
    unsigned current = atomic_load(page);
    if (current == 0) {
        unsigned next = atomic_fetch_add(&last_generation, 1) + 1;
        if (atomic_compare_exchange_strong(page, &current, next)) current = next;
    }
    *generation = current;
    return 0;
}

unsigned ipsys_fork_generation(void) {
    atomic_uint *page = atomic_load_explicit(&guard_page, memory_order_acquire);
    return page == NULL ? 0 : atomic_load_explicit(page, memory_order_relaxed);
}

/* The descriptor's block; NULL where there is none, and with `make` when memory has run out. */
static struct block *block_of(int fd, bool make) {
    int number = fd / BLOCK_DESCRIPTORS;
    struct block *made = NULL;
    struct block *first = atomic_load(&blocks);
    for (;;) {
        for (struct block *block = first; block != NULL; block = block->next) {
            if (block->number != number) continue;
            free(made);
            return block;
        }
        if (made == NULL && (!make || (made = calloc(1, sizeof *made)) == NULL)) return NULL;
        made->number = number;
        made->next = first;
        if (atomic_compare_exchange_strong(&blocks, &first, made)) return made;
    }
}

int ipsys_close_on_fork(int fd) {
    struct block *block = block_of(fd, true);
    if (block == NULL) return -1;
    atomic_fetch_or(&block->words[fd / 64 % BLOCK_WORDS], UINT64_C(1) << fd % 64);
    return 0;
}

void ipsys_keep_on_fork(int fd) {
    struct block *block = block_of(fd, false);
    if (block != NULL) atomic_fetch_and(&block->words[fd / 64 % BLOCK_WORDS], ~(UINT64_C(1) << fd % 64));
}
