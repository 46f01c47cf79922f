/*
 * Hostile callers: random calls of every function with random arguments. Handles that are live, given back,
 * of another kind or none at all; pointers that are NULL or not aligned; impossible lengths; texts that are
 * not; callbacks that fail, cancel, break their contract, or use the library again, with the very handle
 * that is in use. One thread in every other round, three in the others.
 *
 *     hostile NEW-DIRECTORY [SECONDS [SEED]]
 *
 * What must hold: every call returns a status that the header knows, never IPS_INTERNAL or IPS_FORKED;
 * nothing traps, and no call takes longer than a minute; after each round, the store is
 * well and nothing is leased. What fails is named with the seed that repeats it (threads do not repeat).
 * Compiled with -DHOSTILE_FUZZER and clang's -fsanitize=fuzzer, it is a fuzz target: the input decides.
 */
#include "hostile_arguments.h"

static void on_signal(int number) { die(number == SIGALRM ? "no return" : strsignal(number)); }

/* ------------------------------------------------------------------------------------------ callbacks */

static void any_call(struct caller *caller);

/* 0, mostly; some callbacks use the library, with whatever handle, also the one in use. */
static ips_status answer(struct caller *caller) {
    caller->callbacks++;
    switch (below(caller, 24)) {
    case 0: return IPS_CANCELLED;
    case 1: return 77;
    case 2: return INT32_MIN;
    case 3: return IPS_END;
    case 4:
    case 5:
        if (caller->depth < 3) {
            const char *call = caller->call;
            caller->depth++;
            any_call(caller);
            caller->depth--;
            caller->call = call;
        }
        return IPS_OK;
    default: return caller->callbacks > 300 ? IPS_CANCELLED : IPS_OK;
    }
}

static ips_status on_progress(void *context, uint64_t done) {
    (void)done;
    return answer(context);
}

static ips_status on_read(void *context, void *buffer, size_t capacity, size_t *got) {
    struct caller *caller = context;
    ips_status status = answer(caller);
    if (status != IPS_OK || caller->callbacks > 100)
        return status;
    *got = one_in(caller, 8) ? below(caller, 3) : 1 + (size_t)(next(caller) % capacity);
    memset(buffer, (int)next(caller), *got);
    if (one_in(caller, 30))
        *got = capacity + 1 + (size_t)(next(caller) >> below(caller, 63));
    return IPS_OK;
}

static ips_status on_write(void *context, const void *data, size_t length) {
    struct caller *caller = context;
    if (length == 0 || ((const char *)data)[0] + ((const char *)data)[length - 1] > 1000)
        die("impossible bytes");
    return answer(caller);
}

/* Always there, since files may have holes that take a life to read. */
static ips_progress any_ips_progress(struct caller *caller) {
    (void)caller;
    return on_progress;
}

static ips_status on_transfer(void *context, const ips_fs_transfer *done) {
    if (done->bytes > done->bytes + done->entries)
        die("impossible progress");
    return answer(context);
}

static ips_status on_trouble(void *context, const ips_fs_trouble *trouble) {
    if (trouble->kind == 0 || trouble->status >= 0 || trouble->message[0] == 0)
        die("a trouble that is none");
    return answer(context);
}

static ips_status on_conflict(void *context, const ips_fs_conflict *conflict, int32_t *resolution) {
    if (conflict->kind == 0 || *resolution != IPS_FS_REPORT)
        die("a conflict that is none");
    *resolution = (int32_t)below(context, 7);
    return answer(context);
}

static ips_fs_progress any_ips_fs_progress(struct caller *caller) {
    return one_in(caller, 2) ? NULL : on_transfer;
}

static ips_fs_on_trouble any_ips_fs_on_trouble(struct caller *caller) {
    return one_in(caller, 2) ? NULL : on_trouble;
}

static ips_fs_decide any_ips_fs_decide(struct caller *caller) {
    return one_in(caller, 2) ? NULL : on_conflict;
}

static ips_read_callback any_ips_read_callback(struct caller *caller) {
    return one_in(caller, 16) ? NULL : on_read;
}

static ips_write_callback any_ips_write_callback(struct caller *caller) {
    return one_in(caller, 16) ? NULL : on_write;
}

/* ------------------------------------------------------------------------------------------ judgement */

static void judge(struct caller *caller, const char *call, ips_status status) {
    bool is_known = (status >= IPS_INTERNAL && status <= IPS_END) || status == 77;
    caller->call = call;
    if (!is_known || status == IPS_INTERNAL || status == IPS_FORKED) {
        fprintf(stderr, "status %d\n", (int)status);
        die("a status that must not be");
    }
}

static void look_at(struct caller *caller, ips_bytes bytes) {
    /* Another thread may give the view back meanwhile, which is its mistake. */
    if (caller->pool->is_shared || bytes.data == NULL)
        return;
    volatile const unsigned char *seen = bytes.data;
    if (bytes.len > IPS_BLOCK_MAX || seen[0] + seen[bytes.len - 1] > 1000)
        die("an impossible view");
}

#include "hostile_calls.h"

static void give_back(int kind, void *handle) {
    switch (kind) {
    case KIND_STORE: ips_store_close(handle); break;
    case KIND_BATCH: ips_batch_free(handle); break;
    case KIND_VIEW: ips_view_close(handle); break;
    case KIND_READER: ips_reader_close(handle); break;
    case KIND_WRITER: ips_writer_close(handle); break;
    case KIND_FS: ips_fs_close(handle); break;
    case KIND_FS_FILE: ips_fs_file_close(handle); break;
    default: ips_iter_close(handle);
    }
}

static void any_call(struct caller *caller) {
    unsigned choice = below(caller, sizeof calls / sizeof *calls);
    caller->call = calls[choice].name;
    if (caller->depth == 0)
        caller->callbacks = 0;
    calls[choice].call(caller);
}

/* ---------------------------------------------------------------------------------------------- rounds */

static void setup_caller(struct caller *caller, struct pool *pool, uint64_t seed) {
    memset(caller, 0, sizeof *caller);
    caller->pool = pool;
    caller->seed = seed;
    caller->state = seed;
    caller->buffer = malloc(BUFFER + 16);
    for (int i = 0; i < PLACES; i++)
        caller->places[i] = malloc(PLACE);
    for (int i = 0; i < BUFFER; i++)
        caller->buffer[i] = (unsigned char)((uint64_t)i * i * 2654435761u >> 13);
}

static void *work(void *context) {
    struct caller *caller = context;
    current = caller;
    for (int i = 0; i < CALLS_A_ROUND && (!caller->is_fed || caller->input_length > 0); i++) {
        /* Stores that were closed are opened again. */
        if (i % 50 == 0) {
            ips_store *store = NULL;
            char path[300];
            snprintf(path, sizeof path, "%s/store", directory);
            if (ips_store_open(path, NULL, &store, NULL) == IPS_OK)
                keep_handle(caller, KIND_STORE, &store);
        }
        any_call(caller);
    }
    return NULL;
}

static void must(ips_status status, const char *what, const ips_error *error) {
    if (status == IPS_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, ips_strerror(status), error->message);
    die("the store is not well");
}

static void remove_all(const char *path) {
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0)
        die("rm failed");
}

static void round_of(uint64_t seed, const uint8_t *input, size_t input_length, int thread_count,
                     unsigned alarm_seconds) {
    static struct caller callers[3];
    static struct pool pool;
    pthread_t threads[3];
    ips_error error;
    ips_store *keeper;
    char path[300];

    /* Texts may name places in the current directory. The fuzzer has places of its own in the one before. */
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (before < 0 || mkdir(directory, 0700) != 0 || chdir(directory) != 0)
        die("mkdir failed");
    alarm(alarm_seconds);
    memset(&pool, 0, sizeof pool);
    pthread_mutex_init(&pool.lock, NULL);
    pool.is_shared = thread_count > 1;
    for (int i = 0; i < 3; i++)
        setup_caller(&callers[i], &pool, seed + ((uint64_t)i << 32));
    callers[0].is_fed = input != NULL;
    callers[0].input = input;
    callers[0].input_length = input_length;
    current = &callers[0];
    snprintf(path, sizeof path, "%s/store", directory);
    ips_create_options options = IPS_CREATE_OPTIONS_INIT;
    if (seed % 3 == 1)
        options.chunk_average = 1024;
    if (seed % 3 == 2)
        options.chunker = IPS_CHUNKER_FIXED, options.chunk_average = 4096;
    must(ips_store_create(path, &options, &error), "create", &error);
    must(ips_store_open(path, NULL, &keeper, &error), "open", &error);
    ips_bytes bytes = {callers[0].buffer, BUFFER};
    must(ips_store_put_buffer(keeper, bytes, &pool.cids[1], &error), "put", &error);
    bytes.len = 5;
    must(ips_store_put_buffer(keeper, bytes, &pool.cids[2], &error), "put", &error);
    /* A small map, and a list of more than a block. */
    bytes = (ips_bytes){"\xa2\x61"
                        "a\x83\x01\x02\x61x\x61"
                        "b\xa1\x61"
                        "c\xf6",
                        14};
    must(ips_store_put_node(keeper, bytes, &pool.cids[3], &error), "put", &error);
    unsigned char *list = malloc(1500005);
    memset(list, 0x18, 1500005);
    memcpy(list, "\x9a\x00\x0b\x71\xb0", 5); /* 750,000 times the number 24 */
    bytes = (ips_bytes){list, 1500005};
    must(ips_store_put_node(keeper, bytes, &pool.cids[4], &error), "put", &error);
    free(list);
    pool.cid_count = 5;

    if (thread_count == 1) {
        work(&callers[0]);
    } else {
        for (int i = 0; i < thread_count; i++)
            pthread_create(&threads[i], NULL, work, &callers[i]);
        for (int i = 0; i < thread_count; i++)
            pthread_join(threads[i], NULL);
    }
    current = &callers[0];
    current->call = "the end of the round";
    for (unsigned at = 0; at < pool.handle_count; at++) {
        if (pool.handles[at].is_live)
            give_back(pool.handles[at].kind, pool.handles[at].handle);
    }
    ips_status status = ips_store_gc(keeper, IPS_NO_LIMIT, NULL, NULL, NULL, &error);
    /* It may have been sealed. */
    if (status != IPS_READ_ONLY) must(status, "gc", &error);
    ips_stat stat = IPS_STAT_INIT;
    must(ips_store_stat(keeper, &stat, &error), "stat", &error);
    if (stat.leases != 0)
        die("leases are left");
    ips_verify_report report = IPS_VERIFY_REPORT_INIT;
    ips_iter *problems;
    ips_problem problem;
    must(ips_store_verify(keeper, NULL, NULL, &report, &problems, NULL, &error), "verify", &error);
    while (ips_iter_next_problem(problems, &problem, NULL) == IPS_OK)
        fprintf(stderr, "%s\n", problem.message);
    ips_iter_close(problems);
    if (report.problems != 0)
        die("problems are left");
    ips_store_close(keeper);
    alarm(0);

    for (int i = 0; i < 3; i++) {
        free(callers[i].buffer);
        for (int place = 0; place < PLACES; place++)
            free(callers[i].places[place]);
    }
    pthread_mutex_destroy(&pool.lock);
    current = NULL;
    if (fchdir(before) != 0 || close(before) != 0)
        die("chdir failed");
    remove_all(directory);
}

/* Files to call with, signals to hear of, and a directory to work in, which must not exist. */
static void start(const char *path) {
    int ends[2];
    char *absolute = mkdir(path, 0700) == 0 ? realpath(path, NULL) : NULL;
    if (absolute == NULL || strchr(absolute, '\'') != NULL || strlen(absolute) > 200) {
        fprintf(stderr, "hostile: cannot make %s\n", path);
        exit(2);
    }
    snprintf(directory, sizeof directory, "%s/round", absolute);
    free(absolute);
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 100000) != 0 || pipe(ends) != 0)
        exit(2);
    close(ends[1]);
    closed_pipe = ends[0];
    file_descriptor = fileno(file);
    null_descriptor = open("/dev/null", O_RDWR);
    read_only_descriptor = open("/proc/self/exe", O_RDONLY);
    directory_descriptor = open("/", O_RDONLY | O_DIRECTORY);
    const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGALRM};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], on_signal);
    signal(SIGPIPE, SIG_IGN);
}

#ifdef HOSTILE_FUZZER

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    static bool has_started;
    if (!has_started) {
        char path[64];
        snprintf(path, sizeof path, "/tmp/hostile-fuzzer.%ld", (long)getpid());
        start(path);
        has_started = true;
    }
    round_of(length > 0 ? input[0] : 0, input, length, 1, 120);
    return 0;
}

#else

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: hostile NEW-DIRECTORY [SECONDS [SEED]]\n");
        return 2;
    }
    double seconds = argc > 2 ? atof(argv[2]) : 5, elapsed;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1, rounds = 0;
    start(argv[1]);
    struct timespec begun, now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do {
        round_of(seed + rounds, NULL, 0, (seed + rounds) % 2 == 0 ? 1 : 3, seconds > 60 ? 600 : 120);
        rounds++;
        clock_gettime(CLOCK_MONOTONIC, &now);
        elapsed = (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9;
    } while (elapsed < seconds);
    if (rmdir(argv[1]) != 0)
        die("rmdir failed");
    printf("hostile: points=%llu rounds from seed %llu, nothing found\n", (unsigned long long)rounds,
           (unsigned long long)seed);
    return 0;
}

#endif
