/* Descriptors that carry locks are closed in a forked child, however many there are; others are not. Built
 * with Sources/CSystem, also under ThreadSanitizer. */
#include "csystem.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, EACH = 2000 };

#define SHOULD(condition)                                                            \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);  \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

static int locking[THREADS][EACH], plain[THREADS][EACH];

/* Opens as many of both, and gives some that carried locks back on the way. */
static void *open_many(void *context) {
    int thread = (int)(size_t)context;
    for (int i = 0; i < EACH; i++) {
        locking[thread][i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        SHOULD(locking[thread][i] >= 0 && ipsys_close_on_fork(locking[thread][i]) == 0);
        plain[thread][i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        SHOULD(plain[thread][i] >= 0 && ipsys_close_on_fork(plain[thread][i]) == 0);
        ipsys_keep_on_fork(plain[thread][i]);
    }
    return NULL;
}

static int is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

static int in_child(void) {
    for (int thread = 0; thread < THREADS; thread++)
        for (int i = 0; i < EACH; i++)
            if (is_open(locking[thread][i]) || !is_open(plain[thread][i])) return 2;
    /* What the child registers is its own; what its parent had registered is forgotten. */
    int own = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (own == -1 || ipsys_close_on_fork(own) != 0) return 3;
    int reused = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) _exit(is_open(own) || !is_open(reused) ? 4 : 0);
    int status = -1;
    if (pid == -1 || waitpid(pid, &status, 0) != pid) return 5;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 6;
}

int main(void) {
    struct rlimit limit;
    SHOULD(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    SHOULD(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < 2 * THREADS * EACH + 100) {
        fprintf(stderr, "skipped: a process may have %llu descriptors only\n",
                (unsigned long long)limit.rlim_cur);
        return 0;
    }
    unsigned generation = 0;
    SHOULD(ipsys_fork_guard_start(&generation) == 0 && generation == ipsys_fork_generation());

    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        SHOULD(pthread_create(&threads[i], NULL, open_many, (void *)i) == 0);
    for (size_t i = 0; i < THREADS; i++) SHOULD(pthread_join(threads[i], NULL) == 0);

    pid_t pid = fork();
    SHOULD(pid != -1);
    if (pid == 0) _exit(in_child());
    int status = -1;
    SHOULD(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    SHOULD(WEXITSTATUS(status) == 0);
    SHOULD(is_open(locking[THREADS - 1][EACH - 1]));
    return 0;
}
