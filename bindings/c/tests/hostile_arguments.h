/* What hostile.c calls with: handles, places, CIDs, bytes, numbers, texts and descriptors of any kind. */
#ifndef HOSTILE_ARGUMENTS_H
#define HOSTILE_ARGUMENTS_H

#include <ipldstore.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HANDLES = 64, CIDS = 64, PLACES = 8, PLACE = 8192, BUFFER = 1 << 18, CALLS_A_ROUND = 1500 };

/* What all threads of a round share. */
struct pool {
    pthread_mutex_t lock;
    struct {
        void *handle;
        int kind;
        bool is_live;
    } handles[HANDLES];
    unsigned handle_count;
    ips_cid cids[CIDS];
    unsigned cid_count;
    bool is_shared;
};

struct caller {
    struct pool *pool;
    uint64_t seed, state;
    /* A fuzzer's input, in place of the seed. */
    const uint8_t *input;
    size_t input_length;
    bool is_fed;
    unsigned callbacks, depth;
    const char *call;
    /* Places for results; some callers pass the same one twice. */
    char *places[PLACES];
    unsigned char *buffer;
    char text[512];
    const char *texts[4];
    ips_cid cid;
};

static _Thread_local struct caller *current;
static char directory[256];
static int null_descriptor, file_descriptor, directory_descriptor, closed_pipe, read_only_descriptor;

static void die(const char *what) {
    const char *call = current != NULL && current->call != NULL ? current->call : "no call";
    fprintf(stderr, "hostile: %s in %s, seed %llu%s\n", what, call,
            current != NULL ? (unsigned long long)current->seed : 0,
            current != NULL && current->pool->is_shared ? " (with threads)" : "");
    _exit(1);
}

/* splitmix64, of a counter or of the next two bytes of the input. */
static uint64_t next(struct caller *caller) {
    uint64_t z;
    if (caller->is_fed) {
        z = caller->input_length > 0 ? caller->input[0] : 0;
        z |= caller->input_length > 1 ? (uint64_t)caller->input[1] << 8 : 0;
        size_t used = caller->input_length < 2 ? caller->input_length : 2;
        caller->input += used;
        caller->input_length -= used;
        z *= UINT64_C(0x9E3779B97F4A7C15);
    } else {
        z = (caller->state += UINT64_C(0x9E3779B97F4A7C15));
    }
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static unsigned below(struct caller *caller, unsigned bound) { return (unsigned)(next(caller) % bound); }
static bool one_in(struct caller *caller, unsigned bound) { return below(caller, bound) == 0; }

enum text { TEXT_PATH, TEXT_NAME, TEXT_CID_TEXT, TEXT_VALUE_PATH };
enum number { NUMBER_SMALL, NUMBER_BUDGET, NUMBER_OFFSET, NUMBER_LENGTH, NUMBER_CODEC, NUMBER_HASH };

/* A live handle of the kind wanted, mostly. */
static void *any_handle(struct caller *caller, int kind) {
    struct pool *pool = caller->pool;
    void *found = NULL;
    unsigned choice = below(caller, 40);
    if (choice == 0)
        return NULL;
    if (choice == 1)
        return (void *)(uintptr_t)(next(caller) >> below(caller, 64));
    if (choice == 2)
        return &caller->cid;
    if (choice == 3)
        return (char *)caller->buffer + 1;
    pthread_mutex_lock(&pool->lock);
    unsigned start = below(caller, HANDLES);
    for (unsigned i = 0; i < pool->handle_count && found == NULL; i++) {
        unsigned at = (start + i) % pool->handle_count;
        /* 4: of any kind; 5: given back. */
        bool fits = choice == 4   ? pool->handles[at].is_live
                    : choice == 5 ? !pool->handles[at].is_live
                                  : pool->handles[at].is_live && pool->handles[at].kind == kind;
        if (fits)
            found = pool->handles[at].handle;
    }
    pthread_mutex_unlock(&pool->lock);
    return found;
}

static void give_back(int kind, void *handle);

/* Some of them, one after another. */
static void *any_handles(struct caller *caller, int kind) {
    void **handles = (void *)caller->places[below(caller, PLACES)];
    if (one_in(caller, 16))
        return NULL;
    for (int i = 0; i < 4; i++)
        handles[i] = any_handle(caller, kind);
    return one_in(caller, 16) ? (void *)((char *)handles + 1) : (void *)handles;
}

static void keep_handle(struct caller *caller, int kind, void *place) {
    struct pool *pool = caller->pool;
    void *handle;
    if (place == NULL)
        return; /* where that is allowed */
    memcpy(&handle, place, sizeof handle);
    if (handle == NULL)
        die("IPS_OK without a handle");
    pthread_mutex_lock(&pool->lock);
    unsigned at = pool->handle_count;
    if (at < HANDLES) {
        pool->handle_count++;
    } else {
        /* In place of one that was given back; there is one, see may_give_back. */
        for (at = 0; at < HANDLES - 1 && pool->handles[at].is_live; at++) {
        }
    }
    void *replaced =
        at < pool->handle_count && pool->handles[at].is_live && pool->handles[at].handle != NULL
            ? pool->handles[at].handle
            : NULL;
    int replaced_kind = pool->handles[at].kind;
    pool->handles[at].handle = handle;
    pool->handles[at].kind = kind;
    pool->handles[at].is_live = true;
    pthread_mutex_unlock(&pool->lock);
    if (replaced != NULL)
        give_back(replaced_kind, replaced);
}

/* Not too often, so that there are live ones. */
static bool may_give_back(struct caller *caller, const void *handle) {
    return handle == NULL || one_in(caller, 3);
}

/* A handle of another kind was left alone. */
static void forget_handle(struct caller *caller, int kind, const void *handle) {
    struct pool *pool = caller->pool;
    pthread_mutex_lock(&pool->lock);
    for (unsigned at = 0; at < pool->handle_count; at++) {
        if (pool->handles[at].handle == handle && pool->handles[at].kind == kind)
            pool->handles[at].is_live = false;
    }
    pthread_mutex_unlock(&pool->lock);
}

/* Where a result goes: aligned, and of the size wanted, mostly. */
static void *place(struct caller *caller, size_t size, size_t alignment) {
    char *place = caller->places[below(caller, PLACES)];
    switch (below(caller, 24)) {
    case 0: return NULL;
    case 1: return alignment > 1 ? place + 1 : place;
    case 2: memset(place, 0xff, size); return place;
    default: memset(place, 0, size); return place;
    }
}

static void *any_struct(struct caller *caller, size_t size, bool is_plain) {
    char *place = caller->places[below(caller, PLACES)];
    uint32_t struct_size = (uint32_t)size;
    memset(place, 0, PLACE);
    switch (below(caller, 12)) {
    case 0: return NULL;
    case 1: struct_size = below(caller, 5000); break;
    case 2: struct_size = (uint32_t)next(caller); break;
    case 3: struct_size = (uint32_t)size + 8; break;
    case 4:
        /* Fields of any value: options out of range. */
        for (size_t at = 4; at < size; at += 4) {
            uint32_t value = one_in(caller, 3) ? (uint32_t)next(caller) : below(caller, 70);
            /* Not where there are pointers: what they point to is the caller's promise. */
            if (!is_plain)
                memcpy(place + at, &value, 4);
        }
        break;
    case 5: memcpy(place + 1, &struct_size, sizeof struct_size); return place + 1;
    default: break;
    }
    memcpy(place, &struct_size, sizeof struct_size);
    return place;
}

static const ips_cid *any_cid(struct caller *caller) {
    struct pool *pool = caller->pool;
    pthread_mutex_lock(&pool->lock);
    ips_cid cid = pool->cids[below(caller, pool->cid_count)];
    pthread_mutex_unlock(&pool->lock);
    unsigned char *bytes = (unsigned char *)&cid;
    switch (below(caller, 24)) {
    case 0: return NULL;
    case 1: memset(&cid, 0, sizeof cid); break;
    case 2: cid.digest_length = (uint8_t)next(caller); break;
    case 3: cid.codec = one_in(caller, 2) ? IPS_CODEC_DAG_CBOR : next(caller); break;
    case 4: cid.hash = one_in(caller, 2) ? IPS_HASH_IDENTITY : next(caller); break;
    case 5: bytes[below(caller, sizeof cid)] = (unsigned char)next(caller); break;
    case 6: return (const ips_cid *)(const void *)((char *)&caller->cid + 1);
    default: break;
    }
    caller->cid = cid;
    return &caller->cid;
}

static void keep_cid(struct caller *caller, const ips_cid *cid) {
    struct pool *pool = caller->pool;
    if (cid == NULL || (uintptr_t)cid % 8 != 0)
        die("IPS_OK without a place for the CID");
    pthread_mutex_lock(&pool->lock);
    unsigned at = pool->cid_count < CIDS ? pool->cid_count++ : below(caller, CIDS);
    pool->cids[at] = *cid;
    pthread_mutex_unlock(&pool->lock);
}

static uint64_t any_number(struct caller *caller, enum number number) {
    switch (number) {
    case NUMBER_BUDGET: return one_in(caller, 3) ? IPS_DEFAULT_BUDGET - below(caller, 3) : below(caller, 3);
    case NUMBER_CODEC:
        return one_in(caller, 4) ? next(caller) : one_in(caller, 2) ? IPS_CODEC_DAG_CBOR : IPS_CODEC_RAW;
    case NUMBER_HASH:
        return one_in(caller, 4) ? next(caller) : one_in(caller, 2) ? IPS_HASH_SHA2_256 : IPS_HASH_BLAKE3;
    case NUMBER_LENGTH: return one_in(caller, 4) ? IPS_ALL : below(caller, 1 << 20);
    case NUMBER_OFFSET:
        /* Large ones make files with large holes. */
        return one_in(caller, 6) ? next(caller) >> below(caller, 64)
                                 : below(caller, 1u << below(caller, 21));
    default: return one_in(caller, 6) ? next(caller) : below(caller, 4);
    }
}

/* DAG-CBOR, more or less: what begins well and goes wrong, nests deeply, or promises too much. */
static size_t any_node(struct caller *caller, unsigned char *room, size_t capacity) {
    static const unsigned char heads[] = {0x00, 0x18, 0x1b, 0x20, 0x40, 0x45, 0x5b, 0x60,
                                          0x63, 0x80, 0x81, 0x82, 0x98, 0x9b, 0xa0, 0xa1,
                                          0xbb, 0xc2, 0xd8, 0xf4, 0xf6, 0xf9, 0xfb, 0xff};
    static const unsigned char good[] = {0xa2, 0x61, 'a', 0x83, 1,    2,   0x61,
                                         'x',  0x61, 'b', 0xa1, 0x61, 'c', 0xf6};
    size_t length = 0;
    switch (below(caller, 6)) {
    case 0: memcpy(room, good, sizeof good); return sizeof good;
    case 4: room[0] = 0x42, room[1] = (unsigned char)next(caller), room[2] = 1; return 3;
    case 1:
        length = 1 + below(caller, (unsigned)capacity - 1);
        memset(room, one_in(caller, 2) ? 0x81 : 0x9f, length);
        return length;
    case 2: {
        /* A list of links to what is here. */
        unsigned count = 1 + below(caller, 3);
        room[length++] = (unsigned char)(0x80 + count);
        for (unsigned i = 0; i < count; i++) {
            size_t got = 0;
            const unsigned char tag[] = {0xd8, 0x2a, 0x58};
            memcpy(room + length, tag, 3);
            if (ips_cid_to_bytes(any_cid(caller), room + length + 5, 84, &got, NULL) != IPS_OK)
                got = 5;
            room[length + 3] = (unsigned char)(got + 1);
            room[length + 4] = 0;
            length += 5 + got;
        }
        return length;
    }
    default:
        length = 1 + below(caller, 40);
        for (size_t i = 0; i < length; i++)
            room[i] = heads[below(caller, sizeof heads)];
        return length;
    }
}

static ips_bytes any_bytes(struct caller *caller) {
    ips_bytes bytes = {caller->buffer, 0};
    switch (below(caller, 16)) {
    case 0:
        bytes.data = NULL;
        bytes.len = below(caller, 3);
        break;
    case 1: bytes.len = SIZE_MAX >> below(caller, 7); break;
    case 2: bytes.len = BUFFER; break;
    case 3:
    case 4:
    case 5: bytes.len = any_node(caller, caller->buffer, 4096); break;
    case 7: {
        size_t length = 0;
        if (ips_cid_to_bytes(any_cid(caller), caller->buffer, 84, &length, NULL) == IPS_OK)
            bytes.len = length;
        break;
    }
    case 6:
        bytes.data = caller->buffer + 1;
        bytes.len = 1 + below(caller, 100000);
        break;
    default:
        for (int i = 0; i < 8; i++)
            caller->buffer[below(caller, BUFFER)] = (unsigned char)next(caller);
        bytes.len = below(caller, one_in(caller, 4) ? BUFFER : 300);
    }
    return bytes;
}

/* Keys and values may lie over one another. */
static const ips_node_change *any_ips_node_changes(struct caller *caller) {
    ips_node_change *changes = (void *)caller->places[below(caller, PLACES)];
    if (one_in(caller, 16))
        return NULL;
    for (int i = 0; i < 4; i++) {
        changes[i].kind = one_in(caller, 8) ? (uint32_t)next(caller) : 1 + below(caller, 3);
        changes[i].reserved = one_in(caller, 16);
        changes[i].key = (ips_bytes){"abc", below(caller, 4)};
        if (one_in(caller, 4))
            changes[i].key = any_bytes(caller);
        changes[i].position = any_number(caller, NUMBER_SMALL);
        changes[i].count = any_number(caller, NUMBER_SMALL);
        changes[i].values = any_bytes(caller);
    }
    return one_in(caller, 16) ? (void *)((char *)changes + 1) : changes;
}

static void *any_buffer(struct caller *caller) {
    unsigned choice = below(caller, 12);
    return choice == 0 ? NULL : choice == 1 ? caller->buffer + 1 : caller->buffer;
}

static size_t any_capacity(struct caller *caller) {
    switch (below(caller, 8)) {
    case 0: return 0;
    case 1: return SIZE_MAX >> below(caller, 7);
    case 2: return BUFFER - 1;
    default: return below(caller, 5000);
    }
}

static const char *any_text(struct caller *caller, enum text kind) {
    static const char *const names[] = {"a",     "b", "layers/base", "e\xcc\x81",
                                        "x\x01", "",  "\xff\xfe",    "owner"};
    static const char *const paths[] = {"/store", "/store2",      "/other", "/none/at/all",
                                        "/file",  "/store/packs", ""};
    static const char *const values[] = {"", "", "", "a", "b", "b/c", "a/1", "0", "77", "a//b/00/\x80"};
    unsigned choice = below(caller, 16);
    if (choice == 0)
        return NULL;
    if (choice == 1) {
        memset(caller->text, 'n', sizeof caller->text - 1);
        caller->text[below(caller, sizeof caller->text)] = 0;
        caller->text[sizeof caller->text - 1] = 0;
        return caller->text;
    }
    if (choice == 2 || (choice > 8 && kind == TEXT_CID_TEXT)) {
        if (ips_cid_format(any_cid(caller), 0, caller->text, sizeof caller->text, NULL, NULL) != IPS_OK) {
            caller->text[0] = 0;
        }
        if (one_in(caller, 3))
            caller->text[below(caller, 60)] = (char)next(caller);
        caller->text[sizeof caller->text - 1] = 0;
        return caller->text;
    }
    if (kind == TEXT_PATH) {
        snprintf(caller->text, sizeof caller->text, "%s%s", directory,
                 paths[below(caller, sizeof paths / sizeof *paths)]);
        return caller->text;
    }
    if (kind == TEXT_VALUE_PATH)
        return values[below(caller, sizeof values / sizeof *values)];
    return names[below(caller, sizeof names / sizeof *names)];
}

static const char *const *any_texts(struct caller *caller, enum text kind) {
    if (one_in(caller, 16))
        return NULL;
    for (unsigned i = 0; i < 4; i++) {
        const char *text = any_text(caller, kind);
        /* Each in a place of its own. */
        caller->texts[i] =
            text == NULL ? NULL : strcpy(caller->places[i] + PLACE - sizeof caller->text, text);
    }
    return caller->texts;
}

static size_t any_count(struct caller *caller) {
    return one_in(caller, 8) ? SIZE_MAX >> below(caller, 4) : below(caller, 5);
}

static int any_descriptor(struct caller *caller) {
    switch (below(caller, 8)) {
    case 0: return -1;
    case 1: return 100000;
    case 2: return directory_descriptor;
    case 3: return closed_pipe;
    case 4: return read_only_descriptor;
    case 5: lseek(file_descriptor, (off_t)below(caller, 100000), SEEK_SET); return file_descriptor;
    default: return null_descriptor;
    }
}

#endif
