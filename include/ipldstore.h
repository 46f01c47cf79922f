/*
 * ipldstore: an embedded, content-addressed storage engine.
 *
 * Bytes go in and a CID comes out; the same bytes are stored once, however many files, images or
 * snapshots contain them. What a root or a hold keeps alive stays, what nothing keeps is taken away,
 * and every byte that is read is checked against its CID first.
 *
 *     ips_store *store;
 *     ips_error error;
 *     ips_cid cid;
 *     if (ips_store_create("data.store", NULL, &error) != IPS_OK) ...
 *     if (ips_store_open("data.store", NULL, &store, &error) != IPS_OK) ...
 *     if (ips_store_put_descriptor(store, fd, NULL, NULL, &cid, &error) != IPS_OK) ...
 *     ips_store_close(store);
 *
 * Link with -lipldstore; the static library needs -llmdb -lzstd -lstdc++ -lm besides. C99 and C++. All
 * functions exist since version 0.1 where nothing else is said.
 *
 * Contents
 *      1  Status and errors            10  Roots
 *      2  The library                  11  Holds
 *      3  Plain values                 12  Readers and differences
 *      4  CIDs                         13  Writers
 *      5  Creating and opening         14  Iterators
 *      6  Storing                      15  Space: deleting, gc, usage, counters
 *      7  Reading                      16  Verification and repair
 *      8  Blocks, nodes and views      17  Layers, copies and stores in memory
 *      9  Batches                      18  File systems
 *                                      19  Layout of the structs
 *
 * WORDS. A block is at most 1 MiB of bytes under a CID. A node is a dag-cbor block, which may link to
 * other blocks. Data of any length is cut into blocks under a tree of nodes; the CID of the tree's top
 * names the data: a file, for short. A root is a name that keeps a CID alive; a hold keeps one alive for an
 * owner, as often as the owner retained it. Blocks that neither a root nor a hold reaches are dead, and are
 * collected. A layer is a store that reads through others, its bases, and writes only to itself.
 *
 * HANDLES. ips_store, ips_batch, ips_view, ips_reader, ips_writer, ips_iter, ips_fs and ips_fs_file are
 * opaque. Each is made by a function and given back by one, which takes NULL. A call that fails to make one
 * leaves the pointer NULL and nothing to free. Handles are looked up, never dereferenced: one that was given
 * back, or was never given out, or is of another kind, is refused with IPS_INVALID (functions that return no
 * status then return nothing, 0 or NULL). No call frees a handle except the function for it. An open store,
 * and each of its bases, takes up to eight descriptors and 0.3 to 3 MB of memory, and reserves 64 GiB of
 * address space, or less where that is refused: about 2,000 can be open in a process.
 *
 * WHAT IS OPEN KEEPS GARBAGE. What reads or builds over several calls keeps all that dies in the store while
 * it is open, whoever deletes it, and not only what it is open on. Such are readers; writers, and batches
 * from their first use to their end; trees (ips_fs); iterators over changes, elements, differences and the
 * history of a path; and stores in memory over the store; in any process. Deleting and gc leave that
 * (`remaining` in ips_gc_report) to a gc after they are closed, so close what is not needed any more. A view
 * keeps nothing but its block. A store takes 1,024 of them at once; one more is IPS_BUSY.
 *
 * THREADS. An ips_store, an ips_view and an ips_reader may be used by any number of threads at once. An
 * ips_batch, an ips_writer, an ips_iter and an ips_fs are used by one thread at a time, any thread; a call
 * that comes while another one is under way (from another thread, or from a callback of that call) is refused
 * with IPS_BUSY. A batch and its writers count as one, as do an ips_fs, its files and its iterators. Give a
 * handle back when no call that uses it is under way. Where a handle came from does not matter: a store that
 * is closed before what was made from it stays open, unseen, for as long as that needs it.
 * Long calls start threads of their own, with all signals blocked, and join them before they return; no
 * thread outlives a call, and callbacks run on the calling thread. The library installs no signal handlers
 * and changes no signal dispositions; a signal handler calls none of its functions. It wants 512 KiB of stack
 * on the calling thread.
 *
 * PROCESSES. Many processes may read and write one store at once. A handle that was inherited through
 * fork is refused in the child with IPS_FORKED, and giving it back there does nothing; a child opens the
 * store again. (Do not fork while another thread is inside this library, or in a callback, and then use it in
 * the child without exec: locks may be held for ever.) Descriptors are closed on exec. Stores live on local
 * file systems: one on a network file system is refused with IPS_UNSUPPORTED. Never open a file of a store
 * that the same process has open, not even to read it: to close it drops the locks that keep other
 * processes apart. (Imports leave such stores out; back them up from another process.) Of the descriptors 0,
 * 1 and 2 those that are closed are led to /dev/null, so that nothing is printed into a store. Where the size
 * of files is limited (RLIMIT_FSIZE), ignore SIGXFSZ, which ends a process otherwise; then it is IPS_FULL.
 *
 * MEMORY. Inputs are copied where they are kept; a pointer that is passed in need not outlive the call.
 * Results are written to the caller's memory. The one exception is ips_view, which lends out the library's.
 * No pointer of the library is ever given to free(). Every pointer is checked for NULL and alignment, every
 * length and every stored byte is checked before it is used; what does not fit is IPS_INVALID. When memory
 * runs out, the process is aborted. Values pointed to by output parameters are defined only after IPS_OK,
 * where nothing else is said. Outputs may be NULL where that is said.
 *
 * LOADING. The library is self-contained and must not be unloaded: it is linked so that dlclose keeps it.
 *
 * DURABILITY. When a call that stores, names or releases something returns IPS_OK, that is on stable
 * storage. When it fails, nothing has changed, where nothing else is said.
 */
#ifndef IPLDSTORE_H
#define IPLDSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPS_VERSION_MAJOR 0
#define IPS_VERSION_MINOR 1
#define IPS_VERSION_PATCH 0
/* 10000 * major + 100 * minor + patch. */
#define IPS_VERSION_NUMBER (10000 * IPS_VERSION_MAJOR + 100 * IPS_VERSION_MINOR + IPS_VERSION_PATCH)

#if defined(__GNUC__) || defined(__clang__)
#define IPS_API __attribute__((visibility("default")))
#define IPS_CHECKED __attribute__((warn_unused_result))
#else
#define IPS_API
#define IPS_CHECKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------
 * 1  Status and errors
 */

/*
 * What a call returns: IPS_OK, IPS_END where a sequence ends, or a negative value. Positive values other
 * than IPS_END come from the caller's own callbacks, and are returned as they are. These numbers never
 * change.
 */
typedef int32_t ips_status;

enum {
    IPS_OK = 0,
    /* The iterator has no more. */
    IPS_END = 1,
    /* The block, root, hold or file does not exist. */
    IPS_NOT_FOUND = -1,
    /* Stored bytes are not what they must be: run ips_store_verify. */
    IPS_CORRUPT = -2,
    /* An argument or an input makes no sense. */
    IPS_INVALID = -3,
    /* It exists already, and was left as it is. */
    IPS_EXISTS = -4,
    /* Somebody else changed it first: look again and retry. */
    IPS_CONFLICT = -5,
    /* In use by another thread, call or process: try later. */
    IPS_BUSY = -6,
    /* The disk, a quota or a table is full. Deleting and gc still work. */
    IPS_FULL = -7,
    /* Beyond a limit of the format. */
    IPS_TOO_LARGE = -8,
    /* The caller's buffer is too small; the needed length was reported. */
    IPS_BUFFER_TOO_SMALL = -9,
    /* The store was opened, or can only be opened, for reading. */
    IPS_READ_ONLY = -10,
    /* The operating system refused access. */
    IPS_PERMISSION = -11,
    /* The path holds no store. */
    IPS_NOT_A_STORE = -12,
    /* A format, codec, hash, option or file system that this version does not handle. */
    IPS_UNSUPPORTED = -13,
    /* A system call failed; see os_errno. */
    IPS_IO = -14,
    /* A progress callback asked to stop. */
    IPS_CANCELLED = -15,
    /* A callback failed without a reason of its own, or broke its contract. */
    IPS_CALLBACK = -16,
    /* The handle was inherited through fork: open the store again. */
    IPS_FORKED = -17,
    /* A promise inside the library was broken. Please report it. */
    IPS_INTERNAL = -18
};

/*
 * Why a call failed. The caller's memory, of any content: no initialization, nothing to free. It is
 * filled when a call that takes it fails, and left alone otherwise. Frozen: 512 bytes for ever.
 */
typedef struct ips_error {
    /* The status that the call returned. */
    int32_t code;
    /* The errno behind it, or 0. */
    int32_t os_errno;
    /* One sentence of UTF-8 without a final full stop, ended by NUL, cut short where it does not fit. */
    char message[504];
} ips_error;

/*
 * A constant text for a status: "not found". For any number; never NULL. Any thread, any time.
 */
IPS_API const char *ips_strerror(ips_status status);

/* ------------------------------------------------------------------------------------------------
 * 2  The library. Any thread, any time; the texts are constants.
 */

/* The version at run time, to compare with IPS_VERSION_NUMBER. */
IPS_API uint32_t ips_version_number(void);

/* The version at run time as text: "0.1.0". */
IPS_API const char *ips_version_string(void);

/* What it was built with, in one line for bug reports: "ipldstore 0.1.0, Swift 6.3, x86_64, …". */
IPS_API const char *ips_build_info(void);

/* ------------------------------------------------------------------------------------------------
 * 3  Plain values
 */

/*
 * Bytes to read: `len` of them at `data`, which may be NULL when there are none. Needed during the call
 * only.
 */
typedef struct ips_bytes {
    const void *data;
    size_t len;
} ips_bytes;

/* Longest root or owner name in bytes, without NUL. */
#define IPS_NAME_MAX 255
/* Longest block in bytes: 1 MiB. */
#define IPS_BLOCK_MAX 1048576
/* As a length: all that there is. */
#define IPS_ALL UINT64_MAX
/* As a budget: until nothing is left to do. */
#define IPS_NO_LIMIT UINT64_MAX
/* As a budget: what the command line uses, a second. */
#define IPS_DEFAULT_BUDGET (UINT64_MAX - 1)

/*
 * Hears how far a long call is, and may stop it: return 0 to go on, IPS_CANCELLED to stop with that, a
 * positive value to stop with that value; any other negative value stops with IPS_CALLBACK.
 *
 * context  as it was given to the call
 * done     how much is done, in the unit of the call (bytes, blocks); never less than before
 *
 * This and all callbacks run on the calling thread, before the call returns, and while no lock is held:
 * a callback may use the library, except the batch, writer, iterator or tree that the call is using. It must
 * return: no longjmp and no exception may leave it.
 *
 * Calls that may take long have one, where no budget bounds them. Others cost what they are given or give
 * back in memory, a path, or a block or two; but for ips_batch_commit, which costs what the batch has, about
 * 6 µs a block and 17 µs a hold in a layer, and with which the commits of writers and trees end;
 * ips_store_add_base, ips_store_set_base, and ips_store_open of a layer that was copied, which go through
 * what the layer borrows and have bases hold it; ips_store_forks, which counts holds; and listings and
 * differences, which pass over tombstones. A call that was stopped has changed nothing, where nothing else is
 * said, as it is of ips_store_gc and of all that goes step by step.
 */
typedef ips_status (*ips_progress)(void *context, uint64_t done);

/*
 * Gives bytes to store: writes 1 to `capacity` bytes to `buffer`, sets `*got` to how many, and returns 0.
 * `*got` is 0 before the call, and leaving it so says that the data has ended. Another return value ends
 * the storing: a positive one is returned by it unchanged, a negative one becomes IPS_CALLBACK. The buffer
 * is valid during the callback only.
 */
typedef ips_status (*ips_read_callback)(void *context, void *buffer, size_t capacity, size_t *got);

/*
 * Takes bytes that were read: all `length` of them, at least one; in order. Returns 0, or as
 * ips_read_callback does. The bytes are valid during the callback only.
 */
typedef ips_status (*ips_write_callback)(void *context, const void *data, size_t length);

/* ------------------------------------------------------------------------------------------------
 * 4  CIDs
 */

/* Multicodec codes of codecs; others are stored as they are, as blocks whose links are not known. */
#define IPS_CODEC_RAW UINT64_C(0x55)
#define IPS_CODEC_DAG_PB UINT64_C(0x70)
#define IPS_CODEC_DAG_CBOR UINT64_C(0x71)

/* Multicodec codes of hash functions. */
#define IPS_HASH_IDENTITY UINT64_C(0x00)
#define IPS_HASH_SHA2_256 UINT64_C(0x12)
#define IPS_HASH_BLAKE3 UINT64_C(0x1e)

/*
 * A CID: which bytes, under which codec, named by which hash. A plain value, to be copied freely; one
 * that is all zeros names nothing, and is refused wherever a CID is taken. Frozen: 88 bytes.
 */
typedef struct ips_cid {
    uint64_t codec;
    uint64_t hash;
    /* 0 or 1. */
    uint8_t version;
    /* Bytes of `digest` in use, at most 64; what follows them is zero when the library writes it. */
    uint8_t digest_length;
    /* Zero when the library writes it, ignored when it reads. */
    uint8_t reserved[6];
    uint8_t digest[64];
} ips_cid;

/* Room for the text of any CID in any base, with its NUL. (The usual text takes 60.) */
#define IPS_CID_TEXT_SIZE 674
/* Room for the binary form of any CID. */
#define IPS_CID_BINARY_SIZE 84

/*
 * Reads the text of a CID: version 0, or version 1 in any multibase.
 *
 * text  ended by NUL
 * cid   the result
 * IPS_INVALID when it is none; IPS_UNSUPPORTED for digests of more than 64 bytes and bases that are not
 * handled (base45, proquint, base256emoji).
 */
IPS_API IPS_CHECKED ips_status ips_cid_parse(const char *text, ips_cid *cid, ips_error *error);

/*
 * Writes the text of a CID, ended by NUL.
 *
 * base      the multibase's character: 'b' base32, 'z' base58btc, 'k' base36, 'f' base16, 'u' base64url
 *           and so on; 0 for the usual one, base32 (version 0: base58btc, without prefix, and no other)
 * buffer    may be NULL when capacity is 0
 * capacity  bytes of `buffer`; IPS_CID_TEXT_SIZE is always enough
 * length    bytes of the text without NUL, also when the buffer is too small; may be NULL
 * IPS_BUFFER_TOO_SMALL, IPS_INVALID.
 */
IPS_API IPS_CHECKED ips_status ips_cid_format(const ips_cid *cid, char base, char *buffer, size_t capacity,
                                              size_t *length, ips_error *error);

/*
 * Reads the binary form of a CID, which must be all of `bytes`. IPS_INVALID, IPS_UNSUPPORTED as above.
 */
IPS_API IPS_CHECKED ips_status ips_cid_from_bytes(ips_bytes bytes, ips_cid *cid, ips_error *error);

/*
 * Writes the binary form of a CID. Buffer, capacity and length as for ips_cid_format, without NUL;
 * IPS_CID_BINARY_SIZE is always enough. IPS_BUFFER_TOO_SMALL, IPS_INVALID.
 */
IPS_API IPS_CHECKED ips_status ips_cid_to_bytes(const ips_cid *cid, void *buffer, size_t capacity,
                                                size_t *length, ips_error *error);

/*
 * The CID, version 1, that a block of these bytes has under a codec and a hash function. Nothing is
 * stored. The CID of data of more than one block is that of a tree, and only storing it tells.
 * IPS_UNSUPPORTED for a hash function that is not computed here; IPS_TOO_LARGE beyond IPS_BLOCK_MAX.
 */
IPS_API IPS_CHECKED ips_status ips_cid_of_block(ips_bytes block, uint64_t codec, uint64_t hash, ips_cid *cid,
                                                ips_error *error);

/*
 * Below, at or above zero as a is before, equal to or after b, in the order of the binary forms. What is
 * no CID (NULL too) is before every CID, and equal to what is none either.
 */
IPS_API int ips_cid_compare(const ips_cid *a, const ips_cid *b);

/* ------------------------------------------------------------------------------------------------
 * 5  Creating and opening
 */

typedef struct ips_store ips_store;
typedef struct ips_batch ips_batch;
typedef struct ips_view ips_view;
typedef struct ips_reader ips_reader;
typedef struct ips_writer ips_writer;
typedef struct ips_iter ips_iter;

enum {
    /* FastCDC-2020: content decides where chunks end. */
    IPS_CHUNKER_FASTCDC = 0,
    /* Every chunk has chunk_average bytes, but the last. */
    IPS_CHUNKER_FIXED = 1
};

enum {
    /* Trees of any height, all leaves at one depth; node ends decided by content. */
    IPS_LAYOUT_BALANCED = 0,
    /* One node above all leaves; larger data is IPS_TOO_LARGE. */
    IPS_LAYOUT_FLAT = 1
};

enum {
    /* Each block by itself, where it pays. */
    IPS_COMPRESSION_ZSTD = 0,
    IPS_COMPRESSION_NONE = 1
};

enum {
    /* Blocks in packs: the fastest, and the smallest. */
    IPS_KIND_LMDB = 0,
    /* Each block a plain file named by its CID, for other programs to read. Uncompressed. */
    IPS_KIND_FLATFS = 1,
    /* Nowhere: what ips_store_create_memory made. Not for ips_store_create. */
    IPS_KIND_MEMORY = 2
};

/*
 * What a store is made with, for ever: it decides which CID given bytes have. Start from
 * IPS_CREATE_OPTIONS_INIT or ips_create_options_init and change what you want. May grow at its end in
 * later versions; struct_size says which version the caller knows.
 */
typedef struct ips_create_options {
    /* sizeof(ips_create_options). */
    uint32_t struct_size;
    /* IPS_CHUNKER_… */
    uint32_t chunker;
    /* Bytes; 0: the default, which is 64 KiB. Fixed: the chunks' size. */
    uint32_t chunk_average;
    /* Bytes; 0: a quarter of the average. Not used by fixed chunks. */
    uint32_t chunk_minimum;
    /* Bytes, at most IPS_BLOCK_MAX; 0: four times the average. Not used by fixed chunks. */
    uint32_t chunk_maximum;
    /* How much the average attracts, 0 to 3; the default is 2. Not used by fixed chunks. */
    uint32_t chunk_normalization;
    /* IPS_LAYOUT_… */
    uint32_t layout;
    /* Children of a tree node: fewest, expected, most. All 0: the defaults, 32, 128, 512. */
    uint32_t node_minimum;
    uint32_t node_expected;
    uint32_t node_maximum;
    /* IPS_HASH_BLAKE3 or IPS_HASH_SHA2_256; 0: the default, BLAKE3. */
    uint64_t hash;
    /* IPS_COMPRESSION_… */
    uint32_t compression;
    /* 1 to 19; 0: the default, 1. */
    uint32_t compression_level;
    /* IPS_KIND_LMDB or IPS_KIND_FLATFS. */
    uint32_t kind;
    /* Folders above each file of IPS_KIND_FLATFS: 0 to 2; the default is 1. */
    uint32_t flatfs_levels;
} ips_create_options;

#define IPS_CREATE_OPTIONS_INIT \
    { (uint32_t)sizeof(ips_create_options), IPS_CHUNKER_FASTCDC, 0, 0, 0, 2, \
      IPS_LAYOUT_BALANCED, 0, 0, 0, 0, IPS_COMPRESSION_ZSTD, 0, IPS_KIND_LMDB, 1 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_create_options_init(ips_create_options *options, size_t struct_size);

/*
 * Makes a store in a directory that does not exist, or is empty. It appears whole or not at all.
 *
 * path     UTF-8, ended by NUL
 * options  NULL: the defaults
 * IPS_EXISTS when there is a store or anything else; IPS_NOT_FOUND when there is no directory to make it in;
 * IPS_INVALID for options out of range; IPS_UNSUPPORTED for options that only a later version knows;
 * IPS_PERMISSION, IPS_FULL, IPS_IO.
 */
IPS_API IPS_CHECKED ips_status ips_store_create(const char *path, const ips_create_options *options,
                                                ips_error *error);

enum {
    /* Never write, whatever the files allow. */
    IPS_OPEN_READ_ONLY = 1
};

/* How a store is opened. Grows as ips_create_options does. */
typedef struct ips_open_options {
    /* sizeof(ips_open_options). */
    uint32_t struct_size;
    /* IPS_OPEN_… joined by |. */
    uint32_t flags;
    /* Whose holds this handle makes: a name of 1 to IPS_NAME_MAX bytes; NULL: "default". */
    const char *owner;
} ips_open_options;

#define IPS_OPEN_OPTIONS_INIT { (uint32_t)sizeof(ips_open_options), 0, NULL }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_open_options_init(ips_open_options *options, size_t struct_size);

/*
 * Opens a store. Where its files may only be read, the handle only reads.
 *
 * options  NULL: the defaults
 * store    the handle, for ips_store_close; NULL after a failure
 * IPS_NOT_FOUND when the path is nothing; IPS_NOT_A_STORE when it holds none; IPS_UNSUPPORTED for a newer
 * format or a network file system; IPS_BUSY while it is being repaired; IPS_CORRUPT when its index or
 * journal must be repaired first; IPS_INVALID for a copy made of hard links, which can only be read, as the
 * original can while they are there; IPS_PERMISSION, IPS_IO.
 */
IPS_API IPS_CHECKED ips_status ips_store_open(const char *path, const ips_open_options *options,
                                              ips_store **store, ips_error *error);

/*
 * Gives the handle back. What was made from it goes on working; the files are closed with the last of it.
 */
IPS_API void ips_store_close(ips_store *store);

/* What a handle is. May grow at its end. */
typedef struct ips_store_information {
    /* sizeof(ips_store_information), set by the caller. */
    uint32_t struct_size;
    /* 1 when the handle only reads. */
    uint32_t is_read_only;
    /* The store's random name, 32 hexadecimal digits and NUL. */
    char identity[40];
    /* Chunker, layout and hash as one line, as recorded in the store. */
    char layout[168];
    /* "none" or "zstd:LEVEL". */
    char compression[32];
    /* What a user of this handle should hear; empty: nothing. */
    char warning[256];
    /* IPS_KIND_…: where its own blocks are. */
    uint32_t kind;
    /* 1 when nothing of the store changes any more. */
    uint32_t is_sealed;
    /* Stores that it reads through. */
    uint32_t bases;
    uint32_t reserved;
} ips_store_information;

#define IPS_STORE_INFORMATION_INIT \
    { (uint32_t)sizeof(ips_store_information), 0, "", "", "", "", 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_store_information_init(ips_store_information *information, size_t struct_size);

/* Says what a handle is. No I/O. */
IPS_API IPS_CHECKED ips_status ips_store_get_information(const ips_store *store,
                                                         ips_store_information *information,
                                                         ips_error *error);

/*
 * What the store was made with, every field explicit. Given to ips_store_create, it makes a store in which
 * the same bytes have the same CIDs. No I/O.
 */
IPS_API IPS_CHECKED ips_status ips_store_get_configuration(const ips_store *store,
                                                           ips_create_options *options, ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 6  Storing. What is stored is held once by the handle's owner (section 11), until ips_store_dereference.
 * To store several things at once, or under a root, use a batch (section 9).
 *
 * All: IPS_READ_ONLY, IPS_FULL, IPS_IO; IPS_CONFLICT when what the call relied on was collected
 * meanwhile (never of what is named): try again.
 */

/*
 * Stores bytes in memory as a tree.
 *
 * cid    what names them: the tree's root; of one chunk or less, the chunk's own
 */
IPS_API IPS_CHECKED ips_status ips_store_put_buffer(ips_store *store, ips_bytes data, ips_cid *cid,
                                                    ips_error *error);

/*
 * Stores what a descriptor gives from its current offset to its end; its offset moves. A regular file
 * that is cut while it is read is IPS_IO, never shorter data; a directory is IPS_INVALID. A descriptor
 * that would block is waited for. Holes of a regular file are not read, and cost nothing.
 *
 * progress  hears of the bytes read; NULL: none
 * context   for `progress`
 * IPS_CANCELLED, IPS_CALLBACK, or the callback's value.
 */
IPS_API IPS_CHECKED ips_status ips_store_put_descriptor(ips_store *store, int descriptor,
                                                        ips_progress progress, void *context, ips_cid *cid,
                                                        ips_error *error);

/*
 * Stores what a callback gives. When it fails, nothing is stored.
 *
 * context  for both callbacks
 */
IPS_API IPS_CHECKED ips_status ips_store_put_callback(ips_store *store, ips_read_callback read,
                                                      ips_progress progress, void *context, ips_cid *cid,
                                                      ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 7  Reading. Every byte is checked against its CID before it is handed out.
 *
 * All: IPS_NOT_FOUND when a block is not here; IPS_CORRUPT when one is damaged or a tree contradicts
 * itself; IPS_IO when the disk fails. After a failure some bytes may have been handed out, all of them
 * checked.
 */

/* Whether a block is here. A damaged one is not. */
IPS_API IPS_CHECKED ips_status ips_store_has(const ips_store *store, const ips_cid *cid, bool *is_here,
                                             ips_error *error);

/*
 * The size in bytes of what a CID names, from one block at most: of a tree its data's, of a raw block
 * its length, of another node the length of its encoding.
 */
IPS_API IPS_CHECKED ips_status ips_store_size(const ips_store *store, const ips_cid *cid, uint64_t *size,
                                              ips_error *error);

/*
 * Reads all the data into the caller's memory.
 *
 * buffer    may be NULL when capacity is 0
 * capacity  bytes of `buffer`
 * length    the data's size, also when the buffer is too small; may be NULL
 * IPS_BUFFER_TOO_SMALL: nothing was read.
 */
IPS_API IPS_CHECKED ips_status ips_store_get_buffer(const ips_store *store, const ips_cid *cid, void *buffer,
                                                    size_t capacity, size_t *length, ips_error *error);

/*
 * Reads data at an offset, as pread does.
 *
 * offset    bytes from the start; at the end, nothing is read; beyond it, IPS_INVALID
 * capacity  bytes wanted
 * got       bytes read: fewer than `capacity` only at the end
 */
IPS_API IPS_CHECKED ips_status ips_store_read_at(const ips_store *store, const ips_cid *cid, uint64_t offset,
                                                 void *buffer, size_t capacity, size_t *got,
                                                 ips_error *error);

/*
 * Writes data to a descriptor where it stands; its offset moves. (A pipe without a reader raises SIGPIPE
 * as write does.) The data is not flushed.
 *
 * offset    bytes from the start; beyond the end, IPS_INVALID
 * length    bytes, or IPS_ALL; what is beyond the end is left out
 * progress  hears of the bytes written; NULL: none
 */
IPS_API IPS_CHECKED ips_status ips_store_get_descriptor(const ips_store *store, const ips_cid *cid,
                                                        uint64_t offset, uint64_t length, int descriptor,
                                                        ips_progress progress, void *context,
                                                        ips_error *error);

/*
 * Hands data to a callback, in order, in pieces of any size. Offset, length and progress as above;
 * context is for both callbacks.
 */
IPS_API IPS_CHECKED ips_status ips_store_get_callback(const ips_store *store, const ips_cid *cid,
                                                      uint64_t offset, uint64_t length,
                                                      ips_write_callback write, ips_progress progress,
                                                      void *context, ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 8  Blocks, nodes and views
 */

/*
 * Stores one block, held by the handle's owner, under the store's hash.
 *
 * block  at most IPS_BLOCK_MAX bytes, else IPS_TOO_LARGE
 * codec  a multicodec code. A dag-cbor block must be strict DAG-CBOR (else IPS_INVALID), and keeps what it
 *        links to alive.
 */
IPS_API IPS_CHECKED ips_status ips_store_put_block(ips_store *store, ips_bytes block, uint64_t codec,
                                                   ips_cid *cid, ips_error *error);

/*
 * Reads one block. Buffer, capacity and length as for ips_store_get_buffer; IPS_BLOCK_MAX bytes are always
 * enough.
 */
IPS_API IPS_CHECKED ips_status ips_store_get_block(const ips_store *store, const ips_cid *cid, void *buffer,
                                                   size_t capacity, size_t *length, ips_error *error);

/*
 * Stores an IPLD value of any size, given as strict DAG-CBOR (else IPS_INVALID), held by the handle's owner.
 * One of up to IPS_BLOCK_MAX bytes is one block; a larger one becomes a tree of blocks, whose CID depends on
 * the value alone. What it links to need not be here yet.
 */
IPS_API IPS_CHECKED ips_status ips_store_put_node(ips_store *store, ips_bytes dag_cbor, ips_cid *cid,
                                                  ips_error *error);

/*
 * Reads an IPLD value of any size as DAG-CBOR; of a raw block, the byte string of its bytes. Buffer, capacity
 * and length as for ips_store_get_buffer. It is written to the buffer block by block: the library holds none
 * of it, so that a value which claims to be huge costs what the caller has room for. After IPS_CORRUPT or
 * another failure of reading, the buffer's content is undefined. IPS_UNSUPPORTED for other codecs.
 */
IPS_API IPS_CHECKED ips_status ips_store_get_node(const ips_store *store, const ips_cid *cid, void *buffer,
                                                  size_t capacity, size_t *length, ips_error *error);

/*
 * Reads the value at a path inside a value: map keys, and positions in lists in decimal, with slashes
 * between them ("config/layers/0"); links on the way are gone through. Only the path is loaded, however large
 * the value is. IPS_NOT_FOUND says where the path ended. Else as ips_store_get_node.
 */
IPS_API IPS_CHECKED ips_status ips_store_get_value(const ips_store *store, const ips_cid *cid,
                                                   const char *path, void *buffer, size_t capacity,
                                                   size_t *length, ips_error *error);

enum {
    /* Gives a map's key a value, whether it had one or not. */
    IPS_NODE_SET = 1,
    /* Takes a key from a map that has it. */
    IPS_NODE_REMOVE = 2,
    /* Puts values in the place of a list's elements. */
    IPS_NODE_REPLACE = 3
};

/* A change of a map or a list. Fields that its kind does not use are ignored. Frozen: 56 bytes. */
typedef struct ips_node_change {
    /* IPS_NODE_SET, IPS_NODE_REMOVE or IPS_NODE_REPLACE. */
    uint32_t kind;
    /* 0. */
    uint32_t reserved;
    /* Set, remove: the key in UTF-8. */
    ips_bytes key;
    /* Replace: the first element that goes, and how many; 0: none goes, values are inserted before it. The
     * list's length is a place. Positions are those before any change of the call. */
    uint64_t position;
    uint64_t count;
    /* Set: the value as strict DAG-CBOR. Replace: the values that come, one after another, each strict
     * DAG-CBOR; none: elements are removed. */
    ips_bytes values;
} ips_node_change;

/*
 * Changes the map or list at a path inside a value of any size. The value itself stays as it is; what comes
 * out has the CID that storing the changed value at once gives, and is held by the handle's owner. Costs the
 * path and the change, not the value. Links on the path are gone through, and name what became of their
 * nodes.
 *
 * path     as for ips_store_get_value; "": the value itself
 * changes  `count` changes of one map, or of one list; of several for one key, the last counts
 * edited   the changed value
 * IPS_NOT_FOUND where the path, or a key or an element to remove, is not there; IPS_INVALID where neither a
 * map nor a list is there, and for changes of another kind, that overlap, or whose values are not strict
 * DAG-CBOR; IPS_TOO_LARGE for a key of more than 256 KiB in a large map; the errors of sections 6 and 7.
 */
IPS_API IPS_CHECKED ips_status ips_store_edit_node(ips_store *store, const ips_cid *cid, const char *path,
                                                   const ips_node_change *changes, size_t count,
                                                   ips_cid *edited, ips_error *error);

/*
 * Iterates over the elements of the map or list at a path, in order, with ips_iter_next_element. Links are
 * gone through, one at the path's end too. What is not deleted yet stays readable until the iterator is
 * closed.
 *
 * path      as for ips_store_get_value; "": the value itself
 * elements  for ips_iter_close; NULL after a failure
 * IPS_NOT_FOUND says where the path ended; IPS_INVALID where neither a map nor a list is there.
 */
IPS_API IPS_CHECKED ips_status ips_store_elements(const ips_store *store, const ips_cid *cid,
                                                  const char *path, ips_iter **elements, ips_error *error);

/* What the index says of a block. May grow at its end. */
typedef struct ips_block_information {
    /* sizeof(ips_block_information), set by the caller. */
    uint32_t struct_size;
    uint32_t reserved;
    /* Bytes of the block. */
    uint64_t raw_length;
    /* Bytes that its payload takes in the store. */
    uint64_t stored_length;
    /* Nodes that link to it, roots and holders. */
    uint64_t references;
} ips_block_information;

#define IPS_BLOCK_INFORMATION_INIT { (uint32_t)sizeof(ips_block_information), 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_block_information_init(ips_block_information *information, size_t struct_size);

/* Looks a block up without reading it. IPS_NOT_FOUND. */
IPS_API IPS_CHECKED ips_status ips_store_inspect(const ips_store *store, const ips_cid *cid,
                                                 ips_block_information *information, ips_error *error);

/*
 * Iterates over the distinct blocks that a block links to, in order of first appearance, with
 * ips_iter_next_cid. None for codecs other than dag-cbor.
 *
 * links  for ips_iter_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_store_links(const ips_store *store, const ips_cid *cid, ips_iter **links,
                                               ips_error *error);

/*
 * Reads one block into memory of the library, without a copy for the caller to make. The bytes stay as they
 * are until the view is given back, whatever is deleted meanwhile. A view takes up to 2 MiB.
 *
 * view  for ips_view_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_store_view(const ips_store *store, const ips_cid *cid, ips_view **view,
                                              ips_error *error);

/* The block's bytes, valid until ips_view_close. {NULL, 0} for what is no view. */
IPS_API ips_bytes ips_view_bytes(const ips_view *view);

/* Gives the view, and the bytes it lent out, back. */
IPS_API void ips_view_close(ips_view *view);

/* ------------------------------------------------------------------------------------------------
 * 9  Batches: many things stored as one unit of work.
 *
 * What a batch stores, and what it finds here already, is protected from collection while the batch
 * lives. It can be read when it is committed; before that the store may say IPS_NOT_FOUND of it, and only
 * the batch's own writers and edits see it. Roots and holds appear in one step with ips_batch_commit, or not
 * at all; blocks that no name reaches then are dead. A call that fails while it stores ends the batch: the
 * next ones are IPS_INVALID, and only ips_batch_free is left. Arguments that are refused beforehand do not
 * end it.
 */

/*
 * Begins a batch.
 *
 * batch  for ips_batch_free; NULL after a failure
 * IPS_READ_ONLY.
 */
IPS_API IPS_CHECKED ips_status ips_batch_begin(ips_store *store, ips_batch **batch, ips_error *error);

/*
 * As the functions of ips_store of the same names, except that nothing is held. What is edited may be a value
 * that the batch stored.
 */
IPS_API IPS_CHECKED ips_status ips_batch_put_buffer(ips_batch *batch, ips_bytes data, ips_cid *cid,
                                                    ips_error *error);
IPS_API IPS_CHECKED ips_status ips_batch_put_descriptor(ips_batch *batch, int descriptor,
                                                        ips_progress progress, void *context, ips_cid *cid,
                                                        ips_error *error);
IPS_API IPS_CHECKED ips_status ips_batch_put_callback(ips_batch *batch, ips_read_callback read,
                                                      ips_progress progress, void *context, ips_cid *cid,
                                                      ips_error *error);
IPS_API IPS_CHECKED ips_status ips_batch_put_block(ips_batch *batch, ips_bytes block, uint64_t codec,
                                                   ips_cid *cid, ips_error *error);
IPS_API IPS_CHECKED ips_status ips_batch_put_node(ips_batch *batch, ips_bytes dag_cbor, ips_cid *cid,
                                                  ips_error *error);
IPS_API IPS_CHECKED ips_status ips_batch_edit_node(ips_batch *batch, const ips_cid *cid, const char *path,
                                                   const ips_node_change *changes, size_t count,
                                                   ips_cid *edited, ips_error *error);

/*
 * Has the commit point a root at a CID, whatever it is then.
 *
 * cid  NULL: remove the root, if it is there
 * IPS_INVALID for a name that is none (section 10).
 */
IPS_API IPS_CHECKED ips_status ips_batch_set_root(ips_batch *batch, const char *name, const ips_cid *cid,
                                                  ips_error *error);

/*
 * Has the commit point a root at a CID if it is then what is expected; the commit is IPS_CONFLICT, and
 * changes no name, otherwise.
 *
 * expected  NULL: that there is none of that name
 * cid       NULL: remove the root
 */
IPS_API IPS_CHECKED ips_status ips_batch_swap_root(ips_batch *batch, const char *name,
                                                   const ips_cid *expected, const ips_cid *cid,
                                                   ips_error *error);

/*
 * Has the commit retain a CID for an owner.
 *
 * owner  NULL: that of the store handle
 */
IPS_API IPS_CHECKED ips_status ips_batch_hold(ips_batch *batch, const ips_cid *cid, const char *owner,
                                              ips_error *error);

/*
 * Makes everything durable and the names visible. The batch has ended, whatever is returned; it is still
 * the caller's to free.
 * IPS_NOT_FOUND when a name's block is not here; IPS_CONFLICT; IPS_FULL, IPS_IO.
 */
IPS_API IPS_CHECKED ips_status ips_batch_commit(ips_batch *batch, ips_error *error);

/* Ends the batch without a name; what it stored is dead. It is still the caller's to free. */
IPS_API IPS_CHECKED ips_status ips_batch_abort(ips_batch *batch, ips_error *error);

/* Gives the batch back, and aborts it if it has not ended. */
IPS_API void ips_batch_free(ips_batch *batch);

/* ------------------------------------------------------------------------------------------------
 * 10  Roots: names that keep a CID, and all it links to, alive.
 *
 * A name is 1 to IPS_NAME_MAX bytes of UTF-8 without control characters, and does not parse as a CID;
 * anything else is IPS_INVALID. Names are compared as bytes.
 */

/* The CID that a root points to. IPS_NOT_FOUND. */
IPS_API IPS_CHECKED ips_status ips_root_get(const ips_store *store, const char *name, ips_cid *cid,
                                            ips_error *error);

/* Points a root, new or not, at a block that is here. IPS_NOT_FOUND when it is not. */
IPS_API IPS_CHECKED ips_status ips_root_set(ips_store *store, const char *name, const ips_cid *cid,
                                            ips_error *error);

/*
 * Compare and set: points a root at a block that is here, if it now is what is expected.
 *
 * expected  NULL: that there is none of that name
 * IPS_CONFLICT when it is not: nothing changed. IPS_NOT_FOUND when the block is not here.
 */
IPS_API IPS_CHECKED ips_status ips_root_swap(ips_store *store, const char *name, const ips_cid *expected,
                                             const ips_cid *cid, ips_error *error);

/* What a collection did. May grow at its end. */
typedef struct ips_gc_report {
    /* sizeof(ips_gc_report), set by the caller. */
    uint32_t struct_size;
    /* 0 when the budget ended it before all was done that could be: see `remaining`. */
    uint32_t is_complete;
    /* Blocks taken. */
    uint64_t blocks;
    /* Bytes of their payloads as stored. */
    uint64_t stored_bytes;
    /* Dead blocks that remain: they died while something was open that still is ("What is open keeps
     * garbage" above, and ips_stat.leases), are beyond the budget, or unreadable. */
    uint64_t remaining;
    /* Bytes given back to the file system. */
    uint64_t reclaimed_bytes;
    /* Packs removed. */
    uint64_t packs;
} ips_gc_report;

#define IPS_GC_REPORT_INIT { (uint32_t)sizeof(ips_gc_report), 0, 0, 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_gc_report_init(ips_gc_report *report, size_t struct_size);

/*
 * Removes a root and reclaims what only it kept.
 *
 * expected  NULL: whatever it points to; else IPS_CONFLICT, and nothing changes, when it is another
 * budget    milliseconds to spend on reclaiming, IPS_DEFAULT_BUDGET or IPS_NO_LIMIT; what remains is
 *           left to ips_store_gc, which does the same and tells how far it is: to hear of it, give 0 here
 * report    may be NULL
 * IPS_NOT_FOUND when there is no such root. When reclaiming fails, the root is gone nevertheless.
 */
IPS_API IPS_CHECKED ips_status ips_root_delete(ips_store *store, const char *name, const ips_cid *expected,
                                               uint64_t budget, ips_gc_report *report, ips_error *error);

/*
 * Iterates over roots in bytewise order of name, with ips_iter_next_root.
 *
 * from   the first name, or where it would be; NULL: all
 * roots  for ips_iter_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_root_list(const ips_store *store, const char *from, ips_iter **roots,
                                             ips_error *error);

/* The same of the roots that only bases have: those of names that the store has itself are not among them. */
IPS_API IPS_CHECKED ips_status ips_root_list_base(const ips_store *store, const char *from, ips_iter **roots,
                                                  ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 11  Holds: (owner, CID, count). A hold of any count keeps its CID alive. Owners are named as roots
 * are, except that a CID's text is allowed. `owner` NULL: that of the store handle.
 */

/* One more hold of an owner on a block that is here. IPS_NOT_FOUND. */
IPS_API IPS_CHECKED ips_status ips_store_retain(ips_store *store, const ips_cid *cid, const char *owner,
                                                ips_error *error);

/*
 * One hold of an owner less; when that was the block's last reference, the block and what only it kept are
 * reclaimed, within the budget. Budget and report as for ips_root_delete.
 * IPS_NOT_FOUND, and nothing changes, when the owner has none: never is a reference taken that a link, a
 * root or another owner has. When reclaiming fails, the hold is gone nevertheless.
 */
IPS_API IPS_CHECKED ips_status ips_store_dereference(ips_store *store, const ips_cid *cid, const char *owner,
                                                     uint64_t budget, ips_gc_report *report,
                                                     ips_error *error);

/*
 * Iterates over holds in order of owner and CID, with ips_iter_next_hold.
 *
 * owner  NULL: all owners
 * holds  for ips_iter_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_store_holds(const ips_store *store, const char *owner, ips_iter **holds,
                                               ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 12  Readers and differences
 *
 * All: the errors of section 7.
 */

/*
 * Opens a file for reading. What is not deleted yet stays readable until the reader is closed. Costs less
 * than ips_store_read_at where there is more than one read: a small read beside the last one costs a copy.
 *
 * cid     the file
 * reader  for ips_reader_close; NULL after a failure
 * IPS_NOT_FOUND when it is not here; IPS_INVALID when it names no file.
 */
IPS_API IPS_CHECKED ips_status ips_reader_open(const ips_store *store, const ips_cid *cid,
                                               ips_reader **reader, ips_error *error);

/*
 * Reads at an offset, as pread does; the position stays. Threads do not wait for each other.
 *
 * offset    bytes from the start; at the end, nothing is read; beyond it, IPS_INVALID
 * capacity  bytes wanted
 * got       bytes read: fewer than `capacity` only at the end
 */
IPS_API IPS_CHECKED ips_status ips_reader_read_at(const ips_reader *reader, uint64_t offset, void *buffer,
                                                  size_t capacity, size_t *got, ips_error *error);

/*
 * Reads from the position, which begins at 0 and moves behind what was read. Threads take turns.
 *
 * got  as above; 0: the position is at the end
 */
IPS_API IPS_CHECKED ips_status ips_reader_read(ips_reader *reader, void *buffer, size_t capacity, size_t *got,
                                               ips_error *error);

enum {
    IPS_SEEK_START = 0,
    IPS_SEEK_CURRENT = 1,
    IPS_SEEK_END = 2
};

/*
 * Moves the position to the start, the current position or the end, plus an offset. The end is a place.
 *
 * origin    IPS_SEEK_…
 * position  the new position; may be NULL
 * IPS_INVALID, and nothing moves, before the start and beyond the end.
 */
IPS_API IPS_CHECKED ips_status ips_reader_seek(ips_reader *reader, int64_t offset, int origin,
                                               uint64_t *position, ips_error *error);

/* The position, in bytes from the start. No I/O. */
IPS_API IPS_CHECKED ips_status ips_reader_tell(const ips_reader *reader, uint64_t *position,
                                               ips_error *error);

/* The file's size in bytes. No I/O. */
IPS_API IPS_CHECKED ips_status ips_reader_size(const ips_reader *reader, uint64_t *size, ips_error *error);

/* Gives the reader back. */
IPS_API void ips_reader_close(ips_reader *reader);

/*
 * Iterates over what differs between two files, with ips_iter_next_change: in order, the ranges of the old
 * file that are replaced by ranges of the new one. What lies between two changes is equal, and each begins
 * and ends with bytes that differ; fewer than 32 equal bytes between two are counted with them. Costs what
 * the change costs, wherever it is, also where an insertion shifts what follows; only files that were cut
 * into blocks by other rules (another store's options) are compared all through, position by position.
 * What is not deleted yet stays readable until the iterator is closed.
 *
 * from, to  the old and the new file
 * changes   for ips_iter_close; NULL after a failure
 * IPS_NOT_FOUND when one is not here; IPS_INVALID when one names no file.
 */
IPS_API IPS_CHECKED ips_status ips_store_diff(const ips_store *store, const ips_cid *from, const ips_cid *to,
                                              ips_iter **changes, ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 13  Writers: files changed anywhere, and stored seekably.
 *
 * A writer is opened on a file, which it never changes, or on nothing; commit gives the CID of what came
 * out, which is the one that storing those bytes at once gives, whatever was written in which order. On
 * ordinary data a change costs what it changes: two or three blocks, and the few nodes above them. Memory
 * is bounded: up to 16 MiB of what is written are kept, and stored when there is more.
 *
 * What fails while a writer stores ends its batch, and so the writer; what `progress` stops does not: the
 * call can be made again (of what ips_writer_write_at was given, a first part may be written by then, or all;
 * of what ips_writer_append was given, nothing). A writer that has ended, in whatever way, answers
 * IPS_INVALID, and only ips_writer_close is left; to abort it once more does nothing. Arguments that are
 * refused beforehand do not end it.
 *
 * All: IPS_BUSY; the errors of sections 6 and 7, and what `progress` answers, where something is stored
 * or read.
 */

/*
 * Opens a file for change, with a batch of the writer's own.
 *
 * cid       the file; NULL: an empty one
 * progress  hears of the bytes stored so far while much is: a file of other options than the store's is
 *           stored anew by its first change. Called by later calls on the writer, each time something
 *           is stored from the file's start on, where one call may store several times; it and its
 *           context must be there until the writer is closed. NULL: none
 * writer    for ips_writer_close; NULL after a failure
 * IPS_READ_ONLY; IPS_NOT_FOUND when the file is not here; IPS_INVALID when the CID names no file.
 */
IPS_API IPS_CHECKED ips_status ips_writer_open(ips_store *store, const ips_cid *cid, ips_progress progress,
                                               void *context, ips_writer **writer, ips_error *error);

/*
 * As ips_writer_open, within a batch: what it stores belongs to the batch, whose commit makes it durable and
 * whose end it does not outlive. The file may be one that the batch stored. Several may be open at once.
 */
IPS_API IPS_CHECKED ips_status ips_batch_open_writer(ips_batch *batch, const ips_cid *cid,
                                                     ips_progress progress, void *context,
                                                     ips_writer **writer, ips_error *error);

/*
 * Writes bytes at an offset, which may be beyond the end: what is between reads as zeros, and costs
 * nothing. Nothing to write changes nothing.
 *
 * offset  bytes from the start
 * IPS_TOO_LARGE beyond 2^63 - 1 bytes.
 */
IPS_API IPS_CHECKED ips_status ips_writer_write_at(ips_writer *writer, uint64_t offset, ips_bytes data,
                                                   ips_error *error);

/* Writes bytes at the end. IPS_TOO_LARGE. */
IPS_API IPS_CHECKED ips_status ips_writer_append(ips_writer *writer, ips_bytes data, ips_error *error);

/*
 * Makes the file so long: cuts it, or lengthens it by zeros, which cost nothing.
 *
 * size  in bytes
 * IPS_TOO_LARGE beyond 2^63 - 1 bytes.
 */
IPS_API IPS_CHECKED ips_status ips_writer_truncate(ips_writer *writer, uint64_t size, ips_error *error);

/* Reads the file as it is now, what was written included; else as ips_reader_read_at. */
IPS_API IPS_CHECKED ips_status ips_writer_read_at(ips_writer *writer, uint64_t offset, void *buffer,
                                                  size_t capacity, size_t *got, ips_error *error);

/* The file's size in bytes, as it is now. No I/O. IPS_INVALID when the writer has ended. */
IPS_API IPS_CHECKED ips_status ips_writer_size(const ips_writer *writer, uint64_t *size, ips_error *error);

/*
 * Stores what was written so far. The writer goes on.
 *
 * cid  the file as it is now. Nothing is durable, or kept, before the commit
 */
IPS_API IPS_CHECKED ips_status ips_writer_flush(ips_writer *writer, ips_cid *cid, ips_error *error);

/*
 * Stores what was written, and ends the writer; it is still the caller's to close. With a batch of its own,
 * the file is then durable, and held by the store handle's owner; otherwise it is for the batch to name and
 * to commit.
 *
 * cid  the file
 */
IPS_API IPS_CHECKED ips_status ips_writer_commit(ips_writer *writer, ips_cid *cid, ips_error *error);

/*
 * Ends the writer and forgets what was written. A batch of its own ends with it; another one goes on. The
 * writer is still the caller's to close.
 */
IPS_API IPS_CHECKED ips_status ips_writer_abort(ips_writer *writer, ips_error *error);

/* Gives the writer back, and aborts it if it has not ended. */
IPS_API void ips_writer_close(ips_writer *writer);

/* ------------------------------------------------------------------------------------------------
 * 14  Iterators. Links and problems are those of the call that made the iterator; changes and elements
 * are found as it goes. Roots and holds are read as it goes: one that is there all the time comes exactly
 * once; one that comes or goes meanwhile may or may not.
 */

/* A root. Frozen: 344 bytes. */
typedef struct ips_root {
    ips_cid cid;
    /* Ended by NUL. */
    char name[256];
} ips_root;

/* A hold. Frozen: 352 bytes. */
typedef struct ips_hold {
    ips_cid cid;
    /* How often the owner retained it. */
    uint64_t count;
    /* Ended by NUL. */
    char owner[256];
} ips_hold;

enum {
    /* A block's bytes are not what its CID names, or cannot be read. */
    IPS_PROBLEM_DAMAGED_BLOCK = 1,
    /* A reference count that content does not bear out. */
    IPS_PROBLEM_WRONG_COUNT = 2,
    /* The dead queue and the counts disagree. */
    IPS_PROBLEM_WRONG_DEAD_QUEUE = 3,
    /* The count of links to a block that is not here. */
    IPS_PROBLEM_WRONG_ABSENT = 4,
    /* A root, hold or tree names a block that is not here. */
    IPS_PROBLEM_MISSING_BLOCK = 5,
    /* A tree whose sizes contradict its children. */
    IPS_PROBLEM_WRONG_SIZE = 6,
    /* A counter of the store. */
    IPS_PROBLEM_WRONG_COUNTER = 7,
    /* A pack row, a watermark, or records that overlap. */
    IPS_PROBLEM_WRONG_PACK = 8,
    /* The journal and the index name different things. */
    IPS_PROBLEM_WRONG_JOURNAL = 9,
    /* A row of the index that cannot be believed. */
    IPS_PROBLEM_DAMAGED_INDEX = 10,
    /* The lease table is not the one that the index knows: nothing is collected. */
    IPS_PROBLEM_UNKNOWN_LEASE_TABLE = 11,
    /* What a base lends is not held there for this store. */
    IPS_PROBLEM_WRONG_LOAN = 12,
    /* A base holds for this store what nothing here needs; the next gc gives it back. */
    IPS_PROBLEM_SURPLUS_HOLD = 13
};

/* Something that is not as it must be. Frozen: 608 bytes. */
typedef struct ips_problem {
    /* IPS_PROBLEM_…; later versions may know more. */
    int32_t kind;
    /* 1 when `cid` names the block concerned. */
    uint32_t has_cid;
    ips_cid cid;
    /* One sentence, as in ips_error. */
    char message[512];
} ips_problem;

/* What differs between two files. Frozen: 32 bytes. */
typedef struct ips_change {
    /* Where the bytes that are replaced begin in the old file, and how many; 0: bytes were inserted. */
    uint64_t old_offset;
    uint64_t old_length;
    /* Where the bytes that replace them begin in the new file, and how many; 0: bytes were removed. */
    uint64_t new_offset;
    uint64_t new_length;
} ips_change;

/*
 * The next CID, root, hold or problem; IPS_END after the last. IPS_INVALID for an iterator over other
 * things.
 */
IPS_API IPS_CHECKED ips_status ips_iter_next_cid(ips_iter *iter, ips_cid *cid, ips_error *error);
IPS_API IPS_CHECKED ips_status ips_iter_next_root(ips_iter *iter, ips_root *root, ips_error *error);
IPS_API IPS_CHECKED ips_status ips_iter_next_hold(ips_iter *iter, ips_hold *hold, ips_error *error);
IPS_API IPS_CHECKED ips_status ips_iter_next_problem(ips_iter *iter, ips_problem *problem, ips_error *error);

/*
 * The next change, as above. The errors of section 7.
 *
 * progress  hears of the bytes of the new file that are dealt with, in this call and those before; when it
 *           stops the call, the next one goes on. NULL: none
 */
IPS_API IPS_CHECKED ips_status ips_iter_next_change(ips_iter *iter, ips_change *change, ips_progress progress,
                                                    void *context, ips_error *error);

/*
 * The next element of a map or list; IPS_END after the last. An element that does not fit, or cannot be
 * read, stays the next one.
 *
 * key, key_capacity      as for ips_store_get_buffer: the key in UTF-8, without NUL. A list has none: 0 bytes
 * key_length             bytes of the key, also when the buffer is too small; NULL: it is not wanted
 * value, value_capacity  as for ips_store_get_buffer: the value as DAG-CBOR
 * value_length           bytes of the value, also when the buffer is too small; NULL: it is not wanted, and
 *                        not read
 * IPS_BUFFER_TOO_SMALL: both lengths were reported, and both buffers are as they were. IPS_INVALID for an
 * iterator over other things. The errors of section 7.
 */
IPS_API IPS_CHECKED ips_status ips_iter_next_element(ips_iter *iter, void *key, size_t key_capacity,
                                                     size_t *key_length, void *value, size_t value_capacity,
                                                     size_t *value_length, ips_error *error);

/*
 * Where an iterator over elements is. No I/O.
 *
 * position  of the element that comes next, from 0; may be NULL
 * count     how many elements there are; may be NULL
 * is_map    whether it is a map; may be NULL
 * IPS_INVALID for an iterator over other things.
 */
IPS_API IPS_CHECKED ips_status ips_iter_tell_element(ips_iter *iter, uint64_t *position, uint64_t *count,
                                                     bool *is_map, ips_error *error);

/*
 * Goes to a position among the elements; their number, the end, is one. Costs nothing until the next element
 * is read. IPS_INVALID, and nothing moves, beyond it.
 */
IPS_API IPS_CHECKED ips_status ips_iter_seek_element(ips_iter *iter, uint64_t position, ips_error *error);

/*
 * Goes to a key of a map, or to the first one after where it would be: shorter keys come first, those of one
 * length in bytewise order. To go on after a key in another process, seek it and pass over it.
 *
 * key  UTF-8
 * IPS_INVALID in a list, and for a key that is not UTF-8.
 */
IPS_API IPS_CHECKED ips_status ips_iter_seek_key(ips_iter *iter, ips_bytes key, ips_error *error);

/* Gives the iterator back. */
IPS_API void ips_iter_close(ips_iter *iter);

/* ------------------------------------------------------------------------------------------------
 * 15  Space
 */

/*
 * Takes dead blocks away, beginning where the last call ended, and gives their space back. Costs what
 * the garbage costs. Several may run at once, in any processes.
 *
 * budget    milliseconds, IPS_DEFAULT_BUDGET or IPS_NO_LIMIT
 * progress  hears of the blocks taken. When it stops the call, those are gone, and the next call goes on.
 *           NULL: none
 * report    may be NULL
 */
IPS_API IPS_CHECKED ips_status ips_store_gc(ips_store *store, uint64_t budget, ips_progress progress,
                                            void *context, ips_gc_report *report, ips_error *error);

/* What some roots use, and use alone. May grow at its end. */
typedef struct ips_usage {
    /* sizeof(ips_usage), set by the caller. */
    uint32_t struct_size;
    uint32_t reserved;
    /* Bytes of the roots' data. */
    uint64_t logical_bytes;
    /* Blocks that deleting the roots would free. */
    uint64_t exclusive_blocks;
    /* Bytes of their payloads as stored: what deleting would give back. */
    uint64_t exclusive_bytes;
    /* Bytes of the data in blocks that would stay, because something else keeps them. */
    uint64_t shared_bytes;
} ips_usage;

#define IPS_USAGE_INIT { (uint32_t)sizeof(ips_usage), 0, 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_usage_init(ips_usage *usage, size_t struct_size);

/*
 * What deleting these roots, together, would free; at the cost of what it would free.
 *
 * names     `count` names of roots, each ended by NUL
 * progress  may be NULL; hears of blocks
 * IPS_NOT_FOUND when one is no root.
 */
IPS_API IPS_CHECKED ips_status ips_store_usage(const ips_store *store, const char *const *names, size_t count,
                                               ips_progress progress, void *context, ips_usage *usage,
                                               ips_error *error);

/*
 * What ips_store_gc would take if nothing protected it, what is held for layers that are gone included,
 * without taking it: exclusive_blocks and exclusive_bytes. `progress` may be NULL; it hears of blocks.
 */
IPS_API IPS_CHECKED ips_status ips_store_gc_dry_run(const ips_store *store, ips_progress progress,
                                                    void *context, ips_usage *usage, ips_error *error);

/* Counters of a store. May grow at its end. */
typedef struct ips_stat {
    /* sizeof(ips_stat), set by the caller. */
    uint32_t struct_size;
    uint32_t reserved;
    /* Blocks stored, dead ones included; their bytes; bytes of their payloads as stored. */
    uint64_t blocks;
    uint64_t raw_bytes;
    uint64_t stored_bytes;
    /* Blocks that nothing keeps, and bytes of their payloads as stored. */
    uint64_t dead_blocks;
    uint64_t dead_bytes;
    /* Dead blocks that cannot be read to release what they link to; ips_store_repair recounts. */
    uint64_t set_aside_blocks;
    uint64_t roots;
    /* (owner, CID) pairs. */
    uint64_t holds;
    /* What is open now and keeps what dies, in all processes: readers, batches, trees and so on. */
    uint64_t leases;
    uint64_t packs;
    /* Bytes of the index in use. */
    uint64_t index_bytes;
    /* Changes of the store so far. */
    uint64_t epoch;
} ips_stat;

#define IPS_STAT_INIT { (uint32_t)sizeof(ips_stat), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_stat_init(ips_stat *stat, size_t struct_size);

/* The counters, which are kept with every change: asking costs nothing. */
IPS_API IPS_CHECKED ips_status ips_store_stat(const ips_store *store, ips_stat *stat, ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 16  Verification and repair
 */

/* What verification found. May grow at its end. */
typedef struct ips_verify_report {
    /* sizeof(ips_verify_report), set by the caller. */
    uint32_t struct_size;
    uint32_t reserved;
    /* Blocks read and checked, and their bytes. */
    uint64_t blocks;
    uint64_t raw_bytes;
    /* Things that are not as they must be; 0: all is well. */
    uint64_t problems;
    /* Links of nodes that something keeps to blocks that are not here. No problems: a link may come before
     * what it names. After a repair that lost blocks, what is missing. (What files, and trees and versions
     * of section 18, lack is a problem besides.) */
    uint64_t missing_links;
    /* How many blocks those are. */
    uint64_t missing_blocks;
} ips_verify_report;

#define IPS_VERIFY_REPORT_INIT { (uint32_t)sizeof(ips_verify_report), 0, 0, 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_verify_report_init(ips_verify_report *report, size_t struct_size);

/*
 * Recomputes from content what the store says of itself: every block against its CID, all counts, counters,
 * checksums and names. Others may read and write meanwhile. IPS_OK says that it ran, not that all is well.
 *
 * progress  hears of the blocks checked; NULL: none
 * report    may be NULL
 * problems  iterator over the first thousand, with ips_iter_next_problem, for ips_iter_close; NULL after a
 *           failure; the parameter may be NULL
 * missing   the same over the first thousand of the missing blocks, with ips_iter_next_cid
 */
IPS_API IPS_CHECKED ips_status ips_store_verify(ips_store *store, ips_progress progress, void *context,
                                                ips_verify_report *report, ips_iter **problems,
                                                ips_iter **missing, ips_error *error);

/* What repair brought back. May grow at its end. */
typedef struct ips_repair_report {
    /* sizeof(ips_repair_report), set by the caller. */
    uint32_t struct_size;
    uint32_t reserved;
    /* Blocks in the new index. */
    uint64_t blocks;
    /* Records whose bytes are damaged and that are left out. */
    uint64_t damaged_records;
    uint64_t roots;
    uint64_t holds;
    /* Roots and holds that name a block which is not here; dropped. */
    uint64_t lost_names;
    /* Blocks that links name and no pack holds. */
    uint64_t missing_blocks;
    /* Roots named "recovered/…", made because the journal was lost. */
    uint64_t recovered_roots;
} ips_repair_report;

#define IPS_REPAIR_REPORT_INIT { (uint32_t)sizeof(ips_repair_report), 0, 0, 0, 0, 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_repair_report_init(ips_repair_report *report, size_t struct_size);

/*
 * Builds the index anew from packs and journal. The store must be open nowhere, in this process or
 * another: IPS_BUSY.
 *
 * path      UTF-8, ended by NUL
 * progress  hears of the records read; NULL: none
 * report    may be NULL
 */
IPS_API IPS_CHECKED ips_status ips_store_repair(const char *path, ips_progress progress, void *context,
                                                ips_repair_report *report, ips_error *error);

/* What healing did. May grow at its end. */
typedef struct ips_heal_report {
    /* sizeof(ips_heal_report), set by the caller. */
    uint32_t struct_size;
    uint32_t reserved;
    /* Blocks that are whole again. */
    uint64_t healed;
    /* Blocks that are damaged, or linked to and not here, and that no donor has. */
    uint64_t missing;
} ips_heal_report;

#define IPS_HEAL_REPORT_INIT { (uint32_t)sizeof(ips_heal_report), 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_heal_report_init(ips_heal_report *report, size_t struct_size);

/*
 * As ips_store_repair, and then puts back what is damaged or missing from stores that still have it: roots
 * and holds of blocks that are lost meanwhile stay. What `progress` stops while it puts back stays repaired,
 * and ips_store_heal goes on.
 *
 * donors   `count` open stores
 * healing  may be NULL
 */
IPS_API IPS_CHECKED ips_status ips_store_repair_from(const char *path, const ips_store *const *donors,
                                                     size_t count, ips_progress progress, void *context,
                                                     ips_repair_report *report,
                                                     ips_heal_report *healing, ips_error *error);

/*
 * Puts back blocks that are damaged, and such that are linked to and not here, from stores that have them.
 *
 * donors    `count` open stores
 * progress  hears of the blocks looked at. When it stops the call, some of what was put back may stay. NULL:
 *           none
 * report    may be NULL
 */
IPS_API IPS_CHECKED ips_status ips_store_heal(ips_store *store, const ips_store *const *donors, size_t count,
                                              ips_progress progress, void *context, ips_heal_report *report,
                                              ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 17  Layers, copies and stores in memory
 *
 * A layer reads through its bases, in order, and writes only to itself: a fork of what they have costs
 * next to nothing. Its bases hold what it links to, under its name, for as long as its directory is there,
 * wherever that is moved to on the same file system; from another file system only ips_store_forget_fork
 * ends it. A layer that was copied is known to its bases once it has been opened for writing, and not
 * before. A base that may not be written to must be sealed; otherwise what is deleted there is gone in the
 * layer, too (see `warning` in ips_store_information).
 */

/*
 * Makes a layer. As ips_store_create otherwise.
 *
 * bases    `count` paths, 1 to 16, ended by NUL
 * options  NULL: chunks, layout, hash and compression of the first base, kept in packs
 * IPS_NOT_FOUND also when a base is not there; IPS_NOT_A_STORE when something else is.
 */
IPS_API IPS_CHECKED ips_status ips_store_create_layer(const char *path, const char *const *bases,
                                                      size_t count, const ips_create_options *options,
                                                      ips_error *error);

/*
 * Makes a store in memory, which is gone with its handle and what was made from that. Over other stores it
 * is a buffer, which reads through them, keeps what they have now, and leaves them as they are.
 *
 * bases    `count` open stores, at most 16; they stay open for as long as it needs them. May be NULL when
 *          count is 0
 * options  `kind` is not looked at. NULL: those of the first base, or the defaults
 * owner    as in ips_open_options; NULL: "default"
 * store    the handle, for ips_store_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_store_create_memory(const ips_store *const *bases, size_t count,
                                                       const ips_create_options *options, const char *owner,
                                                       ips_store **store, ips_error *error);

/* What copying did. May grow at its end. */
typedef struct ips_copy_report {
    /* sizeof(ips_copy_report), set by the caller. */
    uint32_t struct_size;
    uint32_t reserved;
    /* Blocks that were looked at. */
    uint64_t visited;
    /* Blocks that were missing, and are there now, and their bytes. */
    uint64_t blocks;
    uint64_t bytes;
} ips_copy_report;

#define IPS_COPY_REPORT_INIT { (uint32_t)sizeof(ips_copy_report), 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_copy_report_init(ips_copy_report *report, size_t struct_size);

/*
 * Copies what a CID reaches from one store into another, as far as it is missing there. What there is of a
 * copy that was stopped is held by the owner "copy:CID", and the next one uses it. All that such owners hold
 * is released when a copy into the store has stored something and is whole, and no other one is under way.
 *
 * store     where to
 * from      where from
 * root      the root that names the copy; NULL: it is held by the handle's owner
 * progress  hears of the blocks looked at; NULL: none
 * report    may be NULL
 * IPS_NOT_FOUND when `from` does not have all of it.
 */
IPS_API IPS_CHECKED ips_status ips_store_copy(ips_store *store, const ips_store *from, const ips_cid *cid,
                                              const char *root, ips_progress progress, void *context,
                                              ips_copy_report *report, ips_error *error);

/*
 * As ips_root_get, and where the store has no such root, the first base's that has one. IPS_NOT_FOUND.
 */
IPS_API IPS_CHECKED ips_status ips_root_find(const ips_store *store, const char *name, ips_cid *cid,
                                             ips_error *error);

/* A base. Frozen: 4136 bytes. */
typedef struct ips_base {
    /* The store's random name, 32 hexadecimal digits and NUL. */
    char identity[40];
    /* Ended by NUL. */
    char path[4096];
} ips_base;

/*
 * The bases that are recorded in the store at a path, whether or not they are there. IPS_BUSY while this
 * process has the store open.
 *
 * bases  iterator, with ips_iter_next_base, for ips_iter_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_store_bases(const char *path, ips_iter **bases, ips_error *error);

/* The next base; IPS_END after the last. */
IPS_API IPS_CHECKED ips_status ips_iter_next_base(ips_iter *iter, ips_base *base, ips_error *error);

/*
 * Has the store at a path read through another one, too, after the bases that it has. IPS_BUSY while anybody
 * has the store open; IPS_INVALID when the base reads through the store itself; IPS_EXISTS when it is one
 * already.
 */
IPS_API IPS_CHECKED ips_status ips_store_add_base(const char *path, const char *base, ips_error *error);

/*
 * Records where a base is now.
 *
 * was     its recorded path, or its identity
 * is_now  where the same store is now
 * IPS_NOT_FOUND when it is no base; IPS_INVALID when another store is there; IPS_BUSY while anybody has the
 * store open.
 */
IPS_API IPS_CHECKED ips_status ips_store_set_base(const char *path, const char *was, const char *is_now,
                                                  ips_error *error);

enum {
    /* What a base has lost, and what only a base has that is not there any more, is left out:
     * ips_store_verify tells of it. */
    IPS_FLATTEN_KEEP_GOING = 1
};

/*
 * Copies what a layer needs of its bases into it, and has it stand alone. IPS_BUSY while anybody has it open;
 * IPS_INVALID when it has no bases; IPS_CORRUPT when a base has lost something that it needs, and
 * IPS_NOT_FOUND when a base is not there, without IPS_FLATTEN_KEEP_GOING. With that a sealed store is
 * flattened, too, but only over a base that is not there (IPS_READ_ONLY). A layer that does not know its
 * bases any more after a repair is IPS_INVALID; with the flag it stands alone.
 *
 * flags     IPS_FLATTEN_KEEP_GOING or 0
 * progress  hears of the blocks looked at. When it stops the call, the store is a layer still. NULL: none
 * report    may be NULL
 */
IPS_API IPS_CHECKED ips_status ips_store_flatten(const char *path, uint32_t flags, ips_progress progress,
                                                 void *context, ips_copy_report *report, ips_error *error);

/*
 * Ends all change of the store, for ever, in every process: what it has now it will always have, so that
 * layers need not be known to it. Damage can still be mended (ips_store_heal). It is deleted with its
 * directory. IPS_INVALID when it reads through stores that are not sealed, or does not know its bases after
 * a repair.
 */
IPS_API IPS_CHECKED ips_status ips_store_seal(ips_store *store, ips_error *error);

enum {
    /* It is there, wherever it has been moved to. */
    IPS_FORK_PRESENT = 1,
    /* Its directory was deleted: the next gc releases what is held for it. */
    IPS_FORK_GONE = 2,
    /* It is on another file system: only ips_store_forget_fork releases what is held for it. */
    IPS_FORK_EXTERNAL = 3,
    /* Nothing is known of it but what is held. */
    IPS_FORK_UNKNOWN = 4
};

/* A layer that a store is a base of. Frozen: 4152 bytes. */
typedef struct ips_fork {
    /* The name under which blocks are held for it, 32 hexadecimal digits and NUL. */
    char identity[40];
    /* IPS_FORK_… */
    int32_t state;
    uint32_t reserved;
    /* Blocks that are held for it. */
    uint64_t holds;
    /* Where it was last opened for writing, ended by NUL; empty: not known. */
    char path[4096];
} ips_fork;

/*
 * The layers that the store is a base of.
 *
 * forks  iterator, with ips_iter_next_fork, for ips_iter_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_store_forks(const ips_store *store, ips_iter **forks, ips_error *error);

/* The next fork; IPS_END after the last. */
IPS_API IPS_CHECKED ips_status ips_iter_next_fork(ips_iter *iter, ips_fork *fork, ips_error *error);

/*
 * Releases all that is held for a fork, which loses what it has here once that is collected. IPS_NOT_FOUND.
 *
 * identity  as in ips_fork
 * progress  hears of the holds that went. When it stops the call, those are gone, the fork is known still,
 *           and the next call goes on. NULL: none
 */
IPS_API IPS_CHECKED ips_status ips_store_forget_fork(ips_store *store, const char *identity,
                                                     ips_progress progress, void *context,
                                                     ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 18  File systems: trees of files with their history.
 *
 * A tree has directories, files, symbolic links, hard links, FIFOs, sockets and devices, with modes, owners,
 * times and attributes, which are data and ask nothing of the host. A version is a tree, what it was made
 * from, a time, an author and a message. A branch is a root "fs/branch/NAME" that points to its newest
 * version, a tag a root "fs/tag/NAME"; ips_root_list lists them, ips_root_list_base those of the bases. In a
 * layer, a branch or tag that only a base has is read as the base has it; the first commit to such a branch
 * makes the layer's own, which comes after the base's version. A CID names a tree when it is that of a
 * version, of a tree or of a directory.
 *
 * All roots "fs/…" are the library's: ips_root_set, ips_root_swap and ips_root_delete refuse them
 * (IPS_INVALID), as a batch does. A branch holds its versions as the owner "fs/branch/NAME"; a root
 * "fs/seen/NAME" is what the next import into the branch need not read again. ips_fs_branch_usage says what a
 * branch takes; ips_store_usage of such roots counts their blocks alone.
 *
 * The name of a branch or tag is 1 to 200 bytes of UTF-8 without control characters and ":"; it is no CID,
 * nor something followed by ~ or ~N, which names a version before. Others are IPS_INVALID.
 *
 * An ips_fs is a tree that is open: looked at, and changed in memory until ips_fs_commit makes a version of
 * it. When that is much, it is stored meanwhile, under no name. A call that fails while it stores (IPS_FULL,
 * IPS_IO and so on) ends the tree with its changes: the next ones are IPS_INVALID, and only closing is left.
 * An ips_fs_file is a file of a tree that is open. They, and iterators over a tree that is open, are for one
 * thread at a time together (IPS_BUSY otherwise); the files and iterators end with their ips_fs.
 *
 * `progress` of calls that change a tree hears of the blocks that are read for it, and of directories that
 * are stored before; of most there are few. What goes through names is said below, and besides: what changes
 * of a file that has several names changes under each, for which all names in the tree that share files are
 * gone through, once. When it stops a call, the tree is as it was. NULL: none.
 *
 * Paths are bytes: names between "/", which are 1 to 1,024 bytes without NUL; "." and ".." are steps as
 * everywhere, ".." of the root is the root. Names on the way are followed when they are symbolic links, at
 * most ten deep. Errors of paths: IPS_NOT_FOUND (also a broken link), IPS_EXISTS, IPS_INVALID (also links
 * that lead back to themselves), IPS_READ_ONLY (behind a link to a CID), IPS_TOO_LARGE (too many links, too
 * deep); os_errno has the errno that a file system would give. An operation that fails so has changed
 * nothing.
 *
 * Strings that are no paths are UTF-8, ended by NUL.
 */

/* A tree that is open. */
typedef struct ips_fs ips_fs;
/* A file of one that is open. */
typedef struct ips_fs_file ips_fs_file;

/* What an entry is. */
enum {
    IPS_FS_FILE = 1,
    IPS_FS_DIRECTORY = 2,
    IPS_FS_SYMLINK = 3,
    /* A symbolic link to a CID. */
    IPS_FS_CID_LINK = 4,
    IPS_FS_FIFO = 5,
    IPS_FS_SOCKET = 6,
    IPS_FS_CHARACTER_DEVICE = 7,
    IPS_FS_BLOCK_DEVICE = 8,
    /* That a name was removed. */
    IPS_FS_TOMBSTONE = 9
};

/* How an entry is merged. A child has its parent's when it is added, and keeps it. */
enum {
    /* Conflicts are reported. */
    IPS_FS_SYNC_DEFAULT = 0,
    /* Changed on one side only. */
    IPS_FS_SYNC_RAFT = 1,
    /* Always merged, with the same result whoever merges what in which order. */
    IPS_FS_SYNC_MERKLE_CRDT = 2
};

/* Flags of listings and differences. */
enum {
    /* Tombstones too. */
    IPS_FS_ALL = 1,
    /* Differences: what was renamed is one, not two. */
    IPS_FS_RENAMES = 2
};

/* An entry. May grow at its end. */
typedef struct ips_fs_entry {
    /* sizeof(ips_fs_entry), set by the caller. */
    uint32_t struct_size;
    /* IPS_FS_FILE, … */
    int32_t kind;
    /* Permissions with set-user-id, set-group-id and sticky bits: 0 to 07777. */
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    /* IPS_FS_SYNC_… */
    int32_t sync;
    /* Bytes of a file, or of all files below a directory; of a symbolic link's target. */
    uint64_t size;
    /* When the content was last changed; of a tombstone, when the entry was removed. */
    int64_t mtime_seconds;
    uint32_t mtime_nanoseconds;
    /* Of devices. */
    uint32_t device_major;
    uint32_t device_minor;
    /* 1 when `cid` is one: of a file longer than 512 bytes that of its bytes; of a directory that is not
     * empty as it was stored last; of a link to a CID; of a tombstone that of what was there, which may be
     * gone. */
    uint32_t has_cid;
    ips_cid cid;
    /* Names below a directory, at any depth; tombstones below it. */
    uint64_t entries;
    uint64_t tombstones;
    /* Equal for names of one file; 0, after a commit, for a file that has one name. */
    uint64_t hard_link;
} ips_fs_entry;

#define IPS_FS_ENTRY_INIT \
    { (uint32_t)sizeof(ips_fs_entry), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, { 0, 0, 0, 0, { 0 }, { 0 } }, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_fs_entry_init(ips_fs_entry *entry, size_t struct_size);

/*
 * Opens a tree. A store that is only read can be looked at.
 *
 * cid       of a version, tree or directory; NULL: an empty tree
 * progress  hears of the blocks that are read: of a directory, whose names are counted, all that it has
 *           itself; of a version or tree one or two. NULL: none
 * fs        for ips_fs_close; NULL after a failure
 * IPS_INVALID when the CID names something else.
 */
IPS_API IPS_CHECKED ips_status ips_fs_open(const ips_store *store, const ips_cid *cid, ips_progress progress,
                                           void *context, ips_fs **fs, ips_error *error);

/* Opens the newest version of a branch; an empty tree when there is no such branch. */
IPS_API IPS_CHECKED ips_status ips_fs_open_branch(const ips_store *store, const char *branch, ips_fs **fs,
                                                  ips_error *error);

/* Gives it back, and forgets what was changed since the last commit. */
IPS_API void ips_fs_close(ips_fs *fs);

/*
 * Makes a version of the tree and moves the branch to it; the ips_fs goes on from there. A tree that was not
 * changed makes none.
 *
 * branch           made when the tree was opened on nothing; another one that is to go on from the version
 *                  which was opened is made with ips_fs_fork first
 * message, author  NULL: empty
 * progress         hears of the directories that are stored and the blocks that are read for it. Numbering
 *                  names that share files, where some came or went, is heard of before it begins, and not
 *                  stopped then: about 20 µs a name. When it stops the call, the tree has its changes still,
 *                  and can be committed. NULL: none
 * version          the branch's newest version now; after a failure all zeros, but for one; may be NULL
 * IPS_CONFLICT when the branch is not where the tree was opened: the new version is there nevertheless, kept
 * for the branch, and `version` is set: merge it. All zeros with IPS_CONFLICT: there was nothing new, or it
 * was not stored. IPS_NOT_FOUND when there is no such branch, and the tree was not opened on nothing: it has
 * its changes still. IPS_EXISTS when a new branch would have the name of a tag. IPS_BUSY while a file is open
 * for writing.
 */
IPS_API IPS_CHECKED ips_status ips_fs_commit(ips_fs *fs, const char *branch, const char *message,
                                             const char *author, ips_progress progress, void *context,
                                             ips_cid *version, ips_error *error);

/* The entry at a path. `follow`: a symbolic link at its end is followed. */
IPS_API IPS_CHECKED ips_status ips_fs_stat(ips_fs *fs, ips_bytes path, bool follow, ips_fs_entry *entry,
                                           ips_error *error);

/*
 * Iterates over a directory in bytewise order of names, with ips_iter_next_entry. What is changed meanwhile
 * may be seen or not; all else comes once.
 *
 * from   the first name, or where it would be; of no bytes: all
 * flags  IPS_FS_ALL or 0
 */
IPS_API IPS_CHECKED ips_status ips_fs_list(ips_fs *fs, ips_bytes path, ips_bytes from, uint32_t flags,
                                           ips_iter **entries, ips_error *error);

/*
 * As ips_fs_list, of everything below a directory, each before what is in it: names are paths from the
 * root.
 */
IPS_API IPS_CHECKED ips_status ips_fs_walk(ips_fs *fs, ips_bytes path, uint32_t flags, ips_iter **entries,
                                           ips_error *error);

/*
 * The next entry of a listing or walk; IPS_END after the last. One that does not fit stays the next one.
 *
 * name, capacity  as for ips_store_get_buffer: the name or path, without NUL
 * length          bytes of it, also when the buffer is too small
 * entry           may be NULL
 */
IPS_API IPS_CHECKED ips_status ips_iter_next_entry(ips_iter *iter, void *name, size_t capacity,
                                                   size_t *length,
                                                   ips_fs_entry *entry, ips_error *error);

/* The target of a symbolic link to a path; buffer, capacity and length as for ips_store_get_buffer. */
IPS_API IPS_CHECKED ips_status ips_fs_read_link(ips_fs *fs, ips_bytes path, void *buffer, size_t capacity,
                                                size_t *length, ips_error *error);

/* Makes a directory. `parents`: those that are missing above it too, and it is no error when it is there. */
IPS_API IPS_CHECKED ips_status ips_fs_make_directory(ips_fs *fs, ips_bytes path, uint32_t mode, bool parents,
                                                     ips_error *error);

/* Makes an empty file, FIFO, socket or device; major and minor are those of devices. */
IPS_API IPS_CHECKED ips_status ips_fs_make_node(ips_fs *fs, ips_bytes path, int32_t kind, uint32_t mode,
                                                uint32_t major, uint32_t minor, ips_error *error);

/* Makes a symbolic link to a path, which need not be there: 1 byte to 64 KiB without NUL. */
IPS_API IPS_CHECKED ips_status ips_fs_make_symlink(ips_fs *fs, ips_bytes path, ips_bytes target,
                                                   ips_error *error);

/* Makes a symbolic link to a tree, directory or file of the store, which it keeps. */
IPS_API IPS_CHECKED ips_status ips_fs_make_cid_link(ips_fs *fs, ips_bytes path, const ips_cid *target,
                                                    ips_error *error);

/* Gives a file, which is no directory, one more name. */
IPS_API IPS_CHECKED ips_status ips_fs_link(ips_fs *fs, ips_bytes existing, ips_bytes path, ips_error *error);

/*
 * Moves an entry with all that is below it. What is at the target is replaced if it is no directory, or an
 * empty one and replaced by one. Of two names of one file both stay, as POSIX has it. Where a directory of
 * type IPS_FS_SYNC_MERKLE_CRDT was, each name below it leaves a tombstone. IPS_INVALID into its own subtree.
 */
IPS_API IPS_CHECKED ips_status ips_fs_rename(ips_fs *fs, ips_bytes path, ips_bytes target,
                                             ips_progress progress, void *context, ips_error *error);

/*
 * Copies an entry with all that is below it, which costs nothing whatever its size, but for two kinds of
 * names below it, each of which is gone through: those that share files, because in the copy they share files
 * with each other only, and those of type IPS_FS_SYNC_MERKLE_CRDT, which merges tell apart from those that
 * were copied. IPS_TOO_LARGE for more than 2^22 of the one or 2^24 of the other.
 */
IPS_API IPS_CHECKED ips_status ips_fs_copy(ips_fs *fs, ips_bytes path, ips_bytes target,
                                           ips_progress progress, void *context, ips_error *error);

/*
 * Gives a path what another tree has, with all that is below it, in the place of what it has now; that
 * costs nothing whatever its size, but in the root and in directories that are, or have names below, of type
 * IPS_FS_SYNC_MERKLE_CRDT, where the names that differ are gone through, and where names share files. What
 * comes as a whole shares files within itself only, as a copy does. With a version of before it takes a
 * change back; with the other side of a merge it decides a conflict.
 *
 * tree  a version, tree or directory
 * from  a path in it
 * IPS_NOT_FOUND when the tree has nothing there: ips_fs_remove is for that. What is there already stays as it
 * is. The root becomes what a directory is, with its metadata; names that it has not are removed. Where a
 * file is removed or becomes another, what is written to it by ips_fs_file goes nowhere.
 */
IPS_API IPS_CHECKED ips_status ips_fs_restore(ips_fs *fs, ips_bytes path, const ips_cid *tree, ips_bytes from,
                                              ips_progress progress, void *context, ips_error *error);

/*
 * Removes an entry and leaves a tombstone. `tree`: a directory with all that is below it; of type
 * IPS_FS_SYNC_MERKLE_CRDT, each name below it leaves one.
 */
IPS_API IPS_CHECKED ips_status ips_fs_remove(ips_fs *fs, ips_bytes path, bool tree, ips_progress progress,
                                             void *context, ips_error *error);

/* Metadata; `follow`: of what a symbolic link at the path's end leads to, instead of its own. */
IPS_API IPS_CHECKED ips_status ips_fs_set_mode(ips_fs *fs, ips_bytes path, uint32_t mode, bool follow,
                                               ips_progress progress, void *context, ips_error *error);
/* UINT32_MAX leaves what is there. */
IPS_API IPS_CHECKED ips_status ips_fs_set_owner(ips_fs *fs, ips_bytes path, uint32_t uid, uint32_t gid,
                                                bool follow, ips_progress progress, void *context,
                                                ips_error *error);
IPS_API IPS_CHECKED ips_status ips_fs_set_time(ips_fs *fs, ips_bytes path, int64_t seconds,
                                               uint32_t nanoseconds, bool follow, ips_progress progress,
                                               void *context, ips_error *error);
/* Of a directory for children that are added from now on; `recursively`: of all that is below it too, each
 * name of which is gone through. A symbolic link at the path's end is followed. */
IPS_API IPS_CHECKED ips_status ips_fs_set_sync(ips_fs *fs, ips_bytes path, int32_t sync, bool recursively,
                                               ips_progress progress, void *context, ips_error *error);

/*
 * Extended attributes, of what a symbolic link leads to. Names are 1 to 255 bytes without NUL. Reading fills
 * a buffer as ips_store_get_buffer does; the list is names, each ended by NUL. A value that is no byte string
 * is read as its DAG-CBOR: ips_fs_get_attribute_value tells the one from the other. IPS_NOT_FOUND when there
 * is no such attribute.
 */
IPS_API IPS_CHECKED ips_status ips_fs_get_attribute(ips_fs *fs, ips_bytes path, ips_bytes name, void *buffer,
                                                    size_t capacity, size_t *length, ips_error *error);
IPS_API IPS_CHECKED ips_status ips_fs_list_attributes(ips_fs *fs, ips_bytes path, void *buffer,
                                                      size_t capacity, size_t *length, ips_error *error);
IPS_API IPS_CHECKED ips_status ips_fs_set_attribute(ips_fs *fs, ips_bytes path, ips_bytes name,
                                                    ips_bytes value, ips_progress progress, void *context,
                                                    ips_error *error);

/*
 * The same of values of any kind, which are their DAG-CBOR, byte strings too; those of the host are byte
 * strings. IPS_INVALID when what is set is no strict DAG-CBOR.
 */
IPS_API IPS_CHECKED ips_status ips_fs_get_attribute_value(ips_fs *fs, ips_bytes path, ips_bytes name,
                                                          void *buffer, size_t capacity, size_t *length,
                                                          ips_error *error);
IPS_API IPS_CHECKED ips_status ips_fs_set_attribute_value(ips_fs *fs, ips_bytes path, ips_bytes name,
                                                          ips_bytes dag_cbor, ips_progress progress,
                                                          void *context, ips_error *error);

/* Takes an attribute away. IPS_NOT_FOUND. */
IPS_API IPS_CHECKED ips_status ips_fs_remove_attribute(ips_fs *fs, ips_bytes path, ips_bytes name,
                                                       ips_progress progress, void *context,
                                                       ips_error *error);

/*
 * Gives a file the content of one that is stored, and makes it when it is not there. So what a descriptor or
 * a callback gave (ips_store_put_descriptor, ips_batch_put_callback) comes into a tree. The way out is
 * ips_fs_stat, which gives the CID of a file longer than 512 bytes, for ips_store_get_descriptor,
 * ips_reader_open and so on, once it is committed; until then what was written is the tree's alone, for
 * ips_fs_file_read_at. Nothing is copied, or read but up to 512 bytes, which the entry has itself; the tree
 * keeps what it names from now on. A symbolic link at the path's end is followed. A file that is there keeps
 * its metadata, but for its time.
 *
 * cid   a file: in the store, in a base, or of a file of this tree
 * mode  of a file that is made
 * IPS_NOT_FOUND also when the file is not here, or nothing keeps it any more; IPS_INVALID also when the CID
 * names something else, as a directory; IPS_UNSUPPORTED for codecs of which no file is made.
 */
IPS_API IPS_CHECKED ips_status ips_fs_put_file(ips_fs *fs, ips_bytes path, const ips_cid *cid, uint32_t mode,
                                               ips_progress progress, void *context, ips_error *error);

/* How a file is opened. */
enum {
    /* For reading only, as it is now. */
    IPS_FS_READ = 0,
    /* For reading and writing: what is written is in the tree when it is closed by ips_fs_file_commit. */
    IPS_FS_WRITE = 1,
    /* With IPS_FS_WRITE: it is made when it is not there. */
    IPS_FS_CREATE = 2,
    /* With IPS_FS_WRITE: what it has is dropped. */
    IPS_FS_TRUNCATE = 4
};

/*
 * Opens a file. A symbolic link at the path's end is followed.
 *
 * mode      of a file that is made
 * progress  hears of the bytes stored so far while much is (a file that was stored with other chunks is
 *           stored anew by its first change), and then of blocks that are read. Called by later calls that
 *           write to the file, cut or commit it; it and its context must be there until the file is closed.
 *           When it stops one, the tree is as it was and the file open still, and the call can be made again;
 *           of what ips_fs_file_write_at was given, a first part may be written by then, or all. NULL: none
 * file      for ips_fs_file_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_fs_file_open(ips_fs *fs, ips_bytes path, uint32_t flags, uint32_t mode,
                                                ips_progress progress, void *context, ips_fs_file **file,
                                                ips_error *error);

/* In bytes, with all that was written. IPS_INVALID, as all of these, when the file or its tree has ended. */
IPS_API IPS_CHECKED ips_status ips_fs_file_size(ips_fs_file *file, uint64_t *size, ips_error *error);

/* As ips_reader_read_at: `got` is less than `capacity` at the end only. IPS_INVALID beyond it. */
IPS_API IPS_CHECKED ips_status ips_fs_file_read_at(ips_fs_file *file, uint64_t offset, void *buffer,
                                                   size_t capacity, size_t *got, ips_error *error);

/* Writes all of the bytes; the end may be anywhere, what is between reads as zeros. */
IPS_API IPS_CHECKED ips_status ips_fs_file_write_at(ips_fs_file *file, uint64_t offset, ips_bytes data,
                                                    ips_error *error);

/* Cuts the file, or lengthens it by zeros. */
IPS_API IPS_CHECKED ips_status ips_fs_file_truncate(ips_fs_file *file, uint64_t size, ips_error *error);

/*
 * Gives the tree what was written, under the name that the file has by now, and all others that it has. When
 * it has none any more, what was written is forgotten. Only ips_fs_file_close follows; after a failure it can
 * be tried again, where the tree has not ended.
 */
IPS_API IPS_CHECKED ips_status ips_fs_file_commit(ips_fs_file *file, ips_error *error);

/* Gives the file back; what was written and not given to the tree is forgotten. */
IPS_API void ips_fs_file_close(ips_fs_file *file);

/* The newest version of a branch. IPS_NOT_FOUND. */
IPS_API IPS_CHECKED ips_status ips_fs_branch_get(const ips_store *store, const char *branch, ips_cid *version,
                                                 ips_error *error);

/* Makes a branch at a version, old or new; nothing is copied. IPS_EXISTS, also when a tag has the name. */
IPS_API IPS_CHECKED ips_status ips_fs_fork(ips_store *store, const ips_cid *version, const char *branch,
                                           ips_error *error);

/*
 * Removes a branch with the history that only it keeps: its versions in steps of 4,096, its name with the
 * last of them, and then, for a second at most, what nothing keeps any more; the rest is left to
 * ips_store_gc. IPS_NOT_FOUND.
 *
 * progress  hears of the versions that went and the blocks that were reclaimed. When it stops the call, what
 *           went is gone; a branch that is there still is removed by the next call. NULL: none
 */
IPS_API IPS_CHECKED ips_status ips_fs_branch_delete(ips_store *store, const char *branch,
                                                    ips_progress progress, void *context, ips_error *error);

/*
 * What a branch takes. Costs what it counts. IPS_NOT_FOUND.
 *
 * progress  hears of the blocks counted, and of those read to tell what is shared; NULL: none
 * usage     the bytes of its newest tree; what would be freed if the branch was removed with its history; and
 *           the bytes of that tree which something else keeps: all, where only a base has the branch
 */
IPS_API IPS_CHECKED ips_status ips_fs_branch_usage(const ips_store *store, const char *branch,
                                                   ips_progress progress, void *context, ips_usage *usage,
                                                   ips_error *error);

/*
 * Copies a version of another store with its history, as far as that is there and missing here, and moves a
 * branch to it, which is made when it is not there. Nothing is named before all of it is there; what a copy
 * that was stopped has done is used by the next.
 *
 * store     where to
 * from      where from
 * limit     so many versions at most, the newest ones; 0: all
 * force     moves the branch although it has versions that do not lead to this one; they are held by it until
 *           they are pruned
 * progress  hears of the blocks looked at; NULL: none
 * versions  how many came; may be NULL
 * report    may be NULL
 * IPS_NOT_FOUND when `from` does not have all of a version, or not the version; IPS_CONFLICT when the branch
 * has versions that do not lead to this one, unless `force`, and when it was moved meanwhile; IPS_EXISTS when
 * a tag has the name; IPS_INVALID for a CID that names something else; IPS_READ_ONLY.
 */
IPS_API IPS_CHECKED ips_status ips_fs_branch_copy(ips_store *store, const ips_store *from,
                                                  const ips_cid *version, const char *branch, uint64_t limit,
                                                  bool force, ips_progress progress, void *context,
                                                  uint64_t *versions, ips_copy_report *report,
                                                  ips_error *error);

/*
 * Copies a version of another store, without its history, as ips_fs_branch_copy does, and tags it. IPS_EXISTS
 * when the tag is at another version, unless `move`, and when a branch has the name; otherwise errors are
 * those of ips_fs_branch_copy.
 */
IPS_API IPS_CHECKED ips_status ips_fs_tag_copy(ips_store *store, const ips_store *from,
                                               const ips_cid *version, const char *tag, bool move,
                                               ips_progress progress, void *context, ips_copy_report *report,
                                               ips_error *error);

/* Tags a version. IPS_EXISTS when the tag is there, unless `move`, and when a branch has the name. */
IPS_API IPS_CHECKED ips_status ips_fs_tag_set(ips_store *store, const char *tag, const ips_cid *version,
                                              bool move, ips_error *error);
/* The version that a tag names. IPS_NOT_FOUND. */
IPS_API IPS_CHECKED ips_status ips_fs_tag_get(const ips_store *store, const char *tag, ips_cid *version,
                                              ips_error *error);
/* Removes a tag; its version goes, with the next ips_store_gc at the latest, unless something else keeps it.
 * IPS_NOT_FOUND. */
IPS_API IPS_CHECKED ips_status ips_fs_tag_delete(ips_store *store, const char *tag, ips_error *error);

/* A version. May grow at its end. */
typedef struct ips_fs_version {
    /* sizeof(ips_fs_version), set by the caller. */
    uint32_t struct_size;
    /* How many versions it was made from, and the first of them. */
    uint32_t previous_count;
    ips_cid previous;
    ips_cid tree;
    int64_t time_seconds;
    uint32_t time_nanoseconds;
    uint32_t reserved;
    /* One more than the greatest of those it was made from. */
    uint64_t generation;
    /* Ended by NUL, cut short where they do not fit. */
    char author[256];
    char message[1024];
} ips_fs_version;

#define IPS_FS_VERSION_INIT \
    { (uint32_t)sizeof(ips_fs_version), 0, { 0, 0, 0, 0, { 0 }, { 0 } }, { 0, 0, 0, 0, { 0 }, { 0 } }, \
      0, 0, 0, 0, { 0 }, { 0 } }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_fs_version_init(ips_fs_version *version, size_t struct_size);

/* What a version says. IPS_INVALID for a CID that names something else. */
IPS_API IPS_CHECKED ips_status ips_fs_version_get(const ips_store *store, const ips_cid *cid,
                                                  ips_fs_version *version, ips_error *error);

/*
 * All versions that a version was made from, in order: those of a merge are several.
 *
 * previous  iterator, with ips_iter_next_cid, for ips_iter_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_fs_version_previous(const ips_store *store, const ips_cid *cid,
                                                       ips_iter **previous, ips_error *error);

/*
 * Iterates over the versions that lead to one, and it, newest first, with ips_iter_next_version. The history
 * ends where a version is no longer in the store.
 *
 * path  NULL: all; else only those in which that path became what it is there
 */
IPS_API IPS_CHECKED ips_status ips_fs_history(const ips_store *store, const ips_cid *version,
                                              const ips_bytes *path, ips_iter **versions, ips_error *error);

/*
 * The next version; IPS_END after the last.
 *
 * version   may be NULL
 * progress  of a path's history, hears of the versions that were looked at, in this call and those before;
 *           when it stops the call, the next one goes on. NULL: none
 * After an error, the next call tries the same version again.
 */
IPS_API IPS_CHECKED ips_status ips_iter_next_version(ips_iter *iter, ips_cid *cid, ips_fs_version *version,
                                                     ips_progress progress, void *context,
                                                     ips_error *error);

/*
 * Drops versions of a branch; the newest stays, and those that any rule keeps. What another branch or a tag
 * keeps stays in the store as long as that. They go oldest first, in steps of 4,096; what nothing keeps any
 * more is reclaimed for a second at most, and the rest left to ips_store_gc.
 *
 * keep_last      so many of the newest of the branch's history. What does not lead to the newest version, as
 *                what was kept for the branch with IPS_CONFLICT, stays with this rule, unless keep_since is
 *                given and it is older
 * keep_since     those made at this time or later, seconds; INT64_MAX: no rule
 * progress       hears of the versions that were looked at, those that went and the blocks that were
 *                reclaimed. When it stops the call, the steps that were made are made, and the next call does
 *                the others. NULL: none
 * dropped        how many went, without those that a tag keeps; may be NULL
 */
IPS_API IPS_CHECKED ips_status ips_fs_prune(ips_store *store, const char *branch, uint64_t keep_last,
                                            int64_t keep_since, ips_progress progress, void *context,
                                            uint64_t *dropped, ips_error *error);

/*
 * Drops tombstones of a branch that are older than a time, in a new version; those of type
 * IPS_FS_SYNC_MERKLE_CRDT only where every branch of the store has seen them, and every version that one
 * or a tag keeps and that does not lead to the newest of one, as after IPS_CONFLICT. One that does not
 * visibly lead there, because what was between them was pruned, counts as one that has not seen what was
 * removed after it.
 *
 * progress  hears of the blocks that were read. What it stops has changed nothing. NULL: none
 * dropped   how many went; may be NULL
 * IPS_CONFLICT when the branch was moved meanwhile.
 */
IPS_API IPS_CHECKED ips_status ips_fs_drop_tombstones(ips_store *store, const char *branch,
                                                      int64_t before_seconds, ips_progress progress,
                                                      void *context, uint64_t *dropped, ips_error *error);

/* What differs. */
enum {
    IPS_FS_ADDED = 1,
    IPS_FS_REMOVED = 2,
    IPS_FS_MODIFIED = 3,
    IPS_FS_RENAMED = 4,
    /* A tombstone that one tree has and the other has not, or that differs. */
    IPS_FS_TOMBSTONE_DIFFERS = 5
};

/* What of an entry differs. */
enum {
    IPS_FS_TYPE = 1,
    IPS_FS_CONTENT = 2,
    IPS_FS_MODE = 4,
    IPS_FS_OWNER = 8,
    IPS_FS_TIME = 16,
    IPS_FS_ATTRIBUTES = 32,
    IPS_FS_SYNC = 64,
    IPS_FS_HARD_LINK = 128,
    IPS_FS_OTHER = 256
};

/*
 * Iterates over what differs between two trees, in the order of paths, with ips_iter_next_difference. It
 * costs what differs.
 *
 * flags        IPS_FS_ALL, IPS_FS_RENAMES
 * progress     with IPS_FS_RENAMES, all that differs is gone through before the first is given: hears of the
 *              blocks that were read. NULL: none
 * differences  for ips_iter_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_fs_diff(const ips_store *store, const ips_cid *old_tree,
                                           const ips_cid *new_tree, uint32_t flags, ips_progress progress,
                                           void *context, ips_iter **differences, ips_error *error);

/*
 * The next difference; IPS_END after the last. One that does not fit stays the next one.
 *
 * kind          IPS_FS_ADDED, …
 * aspects       what of it: IPS_FS_TYPE | …, where both trees have it; may be NULL
 * path          as the name of ips_iter_next_entry: in the new tree; of what was removed, in the old one
 * old_path      the same, of what was renamed, in the old tree; 0 bytes otherwise; old_length NULL: not
 * wanted
 * old_entry, new_entry  kind 0 where a tree has nothing; may be NULL
 */
IPS_API IPS_CHECKED ips_status ips_iter_next_difference(ips_iter *iter, int32_t *kind, uint32_t *aspects,
                                                        void *path, size_t capacity, size_t *length,
                                                        void *old_path, size_t old_capacity,
                                                        size_t *old_length, ips_fs_entry *old_entry,
                                                        ips_fs_entry *new_entry, ips_error *error);

/* What becomes of conflicts. */
enum {
    /* Nothing is changed, and they are reported. */
    IPS_FS_REPORT = 0,
    IPS_FS_OURS = 1,
    IPS_FS_THEIRS = 2,
    /* The side that was changed last, by the entries' times. */
    IPS_FS_NEWEST = 3,
    /* Both; theirs under its name with a dot and a suffix. Of what one side removed, the other's. */
    IPS_FS_BOTH = 4,
    /* A callback decides each. */
    IPS_FS_ASK = 5
};

/* What is in conflict. */
enum {
    IPS_FS_BOTH_MODIFIED = 1,
    IPS_FS_MODIFIED_DELETED = 2,
    IPS_FS_BOTH_ADDED = 3,
    IPS_FS_FILE_DIRECTORY = 4,
    /* Both moved an entry, to different names. */
    IPS_FS_BOTH_RENAMED = 5,
    /* One removed a directory in which the other changed or added something. */
    IPS_FS_DIRECTORY_DELETED = 6,
    /* Of type IPS_FS_SYNC_RAFT, changed on both sides; no policy decides it. */
    IPS_FS_NO_FAST_FORWARD = 7
};

/* A conflict, for a callback that decides; all of it is valid during the callback only. Frozen: 64 bytes. */
typedef struct ips_fs_conflict {
    /* IPS_FS_BOTH_MODIFIED, … */
    int32_t kind;
    /* Of what both have: what both changed, IPS_FS_TYPE | … */
    uint32_t fields;
    ips_bytes path;
    /* Of IPS_FS_BOTH_RENAMED, where theirs is; of no bytes otherwise. */
    ips_bytes other_path;
    /* What each has; NULL where nothing is, and never was. */
    const ips_fs_entry *base;
    const ips_fs_entry *ours;
    const ips_fs_entry *theirs;
} ips_fs_conflict;

/*
 * Decides a conflict: sets `*resolution`, which is IPS_FS_REPORT before the call, to that (nobody has
 * decided), to IPS_FS_OURS, IPS_FS_THEIRS or IPS_FS_BOTH, and returns 0. Another return value ends the merge
 * as ips_read_callback says. Conflicts of type IPS_FS_SYNC_RAFT do not come here.
 */
typedef ips_status (*ips_fs_decide)(void *context, const ips_fs_conflict *conflict, int32_t *resolution);

/* Flags of merges. */
enum {
    /* A version is made even where the branch could just move. */
    IPS_FS_ALWAYS_VERSION = 1
};

/* How a merge is made. May grow at its end. */
typedef struct ips_fs_merge_options {
    /* sizeof(ips_fs_merge_options). */
    uint32_t struct_size;
    /* IPS_FS_REPORT, … */
    int32_t policy;
    /* IPS_FS_ALWAYS_VERSION or 0. */
    uint32_t flags;
    /* 0. */
    uint32_t reserved;
    /* What the second of two kept entries ends in, behind a dot: 1 to 128 bytes without "/"; NULL: theirs. */
    const char *suffix;
    /* Of the version; NULL: empty. */
    const char *message;
    const char *author;
} ips_fs_merge_options;

#define IPS_FS_MERGE_OPTIONS_INIT \
    { (uint32_t)sizeof(ips_fs_merge_options), IPS_FS_REPORT, 0, 0, NULL, NULL, NULL }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_fs_merge_options_init(ips_fs_merge_options *options, size_t struct_size);

/* What a merge did. */
enum {
    IPS_FS_UP_TO_DATE = 1,
    IPS_FS_FAST_FORWARD = 2,
    IPS_FS_MERGED = 3
};

/*
 * Merges a version into a branch: three-way, by entry and by field, with what both have in common.
 *
 * options         NULL: conflicts are reported
 * progress        hears of the blocks of versions and directories that were read. What it stops has changed
 *                 nothing, and is begun anew by the next call. NULL: none
 * decide          with IPS_FS_ASK, and then only; NULL otherwise
 * context         for both callbacks
 * outcome         IPS_FS_UP_TO_DATE, …; may be NULL
 * version         the branch's newest version now; may be NULL
 * conflicts       for ips_iter_next_conflict, also after IPS_CONFLICT; NULL: not wanted
 * IPS_CONFLICT when there are conflicts that nobody decided, and nothing was changed (ips_fs_merge_open is
 * for deciding them by hand); or, without conflicts in the iterator, when the branch was moved meanwhile.
 */
IPS_API IPS_CHECKED ips_status ips_fs_merge(ips_store *store, const char *branch, const ips_cid *theirs,
                                            const ips_fs_merge_options *options, ips_progress progress,
                                            ips_fs_decide decide, void *context, int32_t *outcome,
                                            ips_cid *version, ips_iter **conflicts, ips_error *error);

/*
 * Merges two versions into a tree that is open, for conflicts that are decided by hand. Where nobody has
 * decided, it has what `ours` has. Change it as any tree (ips_fs_restore takes what another version has),
 * then ips_fs_commit it to a branch that is at `ours`: the version has both in its history. Message, author
 * and flags of the options are not looked at; options and callbacks otherwise as for ips_fs_merge.
 *
 * fs         for ips_fs_close; NULL after a failure
 * conflicts  all of them, for ips_iter_next_conflict; NULL: not wanted
 */
IPS_API IPS_CHECKED ips_status ips_fs_merge_open(ips_store *store, const ips_cid *ours, const ips_cid *theirs,
                                                 const ips_fs_merge_options *options,
                                                 ips_progress progress, ips_fs_decide decide, void *context,
                                                 ips_fs **fs, ips_iter **conflicts, ips_error *error);

/*
 * The next conflict; IPS_END after the last. One that does not fit stays the next one.
 *
 * kind        IPS_FS_BOTH_MODIFIED, …
 * resolution  IPS_FS_REPORT when nobody has decided, IPS_FS_OURS, IPS_FS_THEIRS or IPS_FS_BOTH; may be NULL
 * fields      of what both have: what both changed, IPS_FS_TYPE | …; may be NULL
 * path        as the name of ips_iter_next_entry
 * other_path  the same, of IPS_FS_BOTH_RENAMED where theirs was, of two kept entries where theirs is now; 0
 *             bytes otherwise; other_length NULL: not wanted
 * base_entry, our_entry, their_entry  what each had; kind 0 where nothing was; may be NULL
 */
IPS_API IPS_CHECKED ips_status ips_iter_next_conflict(ips_iter *iter, int32_t *kind, int32_t *resolution,
                                                      uint32_t *fields, void *path, size_t capacity,
                                                      size_t *length, void *other_path,
                                                      size_t other_capacity, size_t *other_length,
                                                      ips_fs_entry *base_entry, ips_fs_entry *our_entry,
                                                      ips_fs_entry *their_entry, ips_error *error);

/*
 * Opens one tree over another, as the layers of images are. A name that the layer has stands; a tombstone of
 * the layer hides what the base has there, and stays a tombstone; other names are the base's. Two directories
 * are one, with the layer's metadata, unless that of the layer has the attribute trusted.overlay.opaque or
 * user.overlay.opaque of value "y": then nothing of the base shows in it. It costs what the layer has, not
 * what the base has. A commit of it comes after nothing, so it is one to a new branch.
 *
 * layer, base  each a version, tree or directory
 * progress     hears of the blocks that were read; NULL: none
 * fs           for ips_fs_close; NULL after a failure
 */
IPS_API IPS_CHECKED ips_status ips_fs_overlay(ips_store *store, const ips_cid *layer, const ips_cid *base,
                                              ips_progress progress, void *context, ips_fs **fs,
                                              ips_error *error);

/* How far an import or export is. Frozen: 32 bytes. */
typedef struct ips_fs_transfer {
    uint64_t entries;
    uint64_t bytes;
    /* 0 while they are counted. A directory that changes meanwhile may have more, or less. */
    uint64_t total_entries;
    uint64_t total_bytes;
} ips_fs_transfer;

/* Hears how far it is, and may stop it, as ips_progress does. */
typedef ips_status (*ips_fs_progress)(void *context, const ips_fs_transfer *done);

/* What went wrong with an entry. */
enum {
    /* Import: it could not be read. What the branch had of it stays; else it is left out (a directory: is
     * empty). */
    IPS_FS_UNREAD = 1,
    /* Import: it changed whenever it was read, and is what was read. */
    IPS_FS_CHANGING = 2,
    /* Export: the host refused to make it. */
    IPS_FS_UNMADE = 3,
    /* Export: the host refused its owner; it belongs to who exports, without set-user-id and set-group-id. */
    IPS_FS_OWNER_REFUSED = 4,
    /* An attribute, a mode or a time could not be read, or was refused. */
    IPS_FS_METADATA_REFUSED = 5,
    /* Removing: it could not be removed. */
    IPS_FS_UNREMOVED = 6
};

/* Something that the host does not let be as it is; valid during the callback only. Frozen: 40 bytes. */
typedef struct ips_fs_trouble {
    /* IPS_FS_UNREAD, … */
    int32_t kind;
    /* What a call would return for it: IPS_PERMISSION, IPS_IO, … */
    int32_t status;
    /* The errno behind it, or 0. */
    int32_t os_errno;
    uint32_t reserved;
    /* From the directory that the call is about; any bytes. */
    ips_bytes path;
    /* One sentence of UTF-8, ended by NUL. */
    const char *message;
} ips_fs_trouble;

/*
 * Hears of one entry that went wrong. Return 0 to go on with all others, IPS_CANCELLED to stop with that, or
 * another value to stop as ips_read_callback says.
 */
typedef ips_status (*ips_fs_on_trouble)(void *context, const ips_fs_trouble *trouble);

/* Flags of imports and exports. */
enum {
    /* Import: reads every file, also those that are known from the import before, as is needed where
     * programs write through shared memory mappings. */
    IPS_FS_FULL = 1,
    /* Import: directories on other file systems are imported empty. */
    IPS_FS_ONE_FILE_SYSTEM = 2,
    /* Import: takes owner, mode and kind from the attribute user.containers.override_stat, where it is.
     * Export: puts there what the host refuses of them; devices are empty files then. */
    IPS_FS_STAT_ATTRIBUTE = 4,
    /* Export: leaves out files and directories of which the store has lost something, and goes on; else that
     * ends it (IPS_CORRUPT, IPS_NOT_FOUND), and nothing comes of it. With IPS_FS_REPLACE, what was there goes
     * all the same. */
    IPS_FS_KEEP_GOING = 8
};

/* How a directory is imported. May grow at its end. */
typedef struct ips_fs_import_options {
    /* sizeof(ips_fs_import_options). */
    uint32_t struct_size;
    /* IPS_FS_FULL, … joined by |. */
    uint32_t flags;
    /* Of the version; NULL: empty. */
    const char *message;
    const char *author;
    /* What of the branch becomes what the directory is: a directory, or a name in one, of a branch that is
     * there. All else of the branch stays, and every file is read. "" or "/": all of the branch. */
    ips_bytes path;
} ips_fs_import_options;

#define IPS_FS_IMPORT_OPTIONS_INIT { (uint32_t)sizeof(ips_fs_import_options), 0, NULL, NULL, { NULL, 0 } }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_fs_import_options_init(ips_fs_import_options *options, size_t struct_size);

/* What an import did. May grow at its end. */
typedef struct ips_fs_import_report {
    /* sizeof(ips_fs_import_report), set by the caller. */
    uint32_t struct_size;
    /* 1 when the branch has no new version, because the tree is that of the one before. */
    uint32_t is_unchanged;
    ips_cid tree;
    /* The branch's newest version; all zeros without a branch. */
    ips_cid version;
    uint64_t entries;
    uint64_t files;
    uint64_t bytes;
    /* Files that had to be read, and what they had. */
    uint64_t files_read;
    uint64_t bytes_read;
    /* Entries that could not be read. */
    uint64_t unread;
} ips_fs_import_report;

#define IPS_FS_IMPORT_REPORT_INIT \
    { (uint32_t)sizeof(ips_fs_import_report), 0, { 0, 0, 0, 0, { 0 }, { 0 } }, { 0, 0, 0, 0, { 0 }, { 0 } }, \
      0, 0, 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_fs_import_report_init(ips_fs_import_report *report, size_t struct_size);

/*
 * Stores a directory of the host with all that is in it: contents, modes, owners, times, attributes, links,
 * devices, holes, names of any bytes. Links are not followed. It becomes the newest version of a branch;
 * a name that the branch has and the directory has not is removed, with a tombstone. Files that the branch
 * knows by inode, size and times are not read again: what a program stores through a shared memory mapping,
 * as into a disk of a machine that runs, may change a file and none of these, and needs IPS_FS_FULL. Stores
 * that the process has open are left out; the directory of one, and what is in that, cannot be imported:
 * IPS_INVALID.
 *
 * One entry that cannot be read ends nothing: on_trouble hears of it. Directories and files that their owner,
 * who runs this, has closed to himself are opened for as long as they are read.
 *
 * directory   UTF-8, ended by NUL
 * branch      made when it is not there; NULL: the tree is held for the handle's owner
 * options     NULL: the defaults
 * progress    NULL: none
 * on_trouble  NULL: all goes on, and the report counts what could not be read
 * context     for both callbacks
 * report      may be NULL
 * IPS_NOT_FOUND; IPS_INVALID (also when it is no directory, or of a path without a branch); IPS_EXISTS when
 * what the branch has at the path is no directory; IPS_PERMISSION, IPS_FULL, IPS_IO; IPS_CONFLICT when the
 * branch was moved meanwhile: the version is kept for it nevertheless, `report` has it: merge it.
 */
IPS_API IPS_CHECKED ips_status ips_fs_import(ips_store *store, const char *directory, const char *branch,
                                             const ips_fs_import_options *options, ips_fs_progress progress,
                                             ips_fs_on_trouble on_trouble, void *context,
                                             ips_fs_import_report *report, ips_error *error);

/* What is done with a directory that is there and holds something. */
enum {
    /* It is left as it is: IPS_EXISTS. */
    IPS_FS_REFUSE = 0,
    /* The tree takes its place as a whole, in one step; what was there is removed. */
    IPS_FS_REPLACE = 1,
    /* Names of the tree take the place of what has them; other names stay. */
    IPS_FS_INTO = 2
};

/* How a tree is exported. May grow at its end. */
typedef struct ips_fs_export_options {
    /* sizeof(ips_fs_export_options). */
    uint32_t struct_size;
    /* IPS_FS_STAT_ATTRIBUTE and IPS_FS_KEEP_GOING, joined by |, or 0. */
    uint32_t flags;
    /* IPS_FS_REFUSE, … */
    int32_t existing;
    /* 0. */
    uint32_t reserved;
} ips_fs_export_options;

#define IPS_FS_EXPORT_OPTIONS_INIT { (uint32_t)sizeof(ips_fs_export_options), 0, IPS_FS_REFUSE, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_fs_export_options_init(ips_fs_export_options *options, size_t struct_size);

/* What an export did. May grow at its end. */
typedef struct ips_fs_export_report {
    /* sizeof(ips_fs_export_report), set by the caller. */
    uint32_t struct_size;
    uint32_t reserved;
    /* What was to be made; what is missing of it is counted below. */
    uint64_t entries;
    uint64_t files;
    uint64_t bytes;
    /* Entries that are missing, and those that are there without their owner, or without an attribute, mode
     * or time, because the host refused. */
    uint64_t unmade;
    uint64_t without_owner;
    uint64_t without_metadata;
    /* Of those that are missing, the ones of which the store has lost something. */
    uint64_t damaged;
} ips_fs_export_report;

#define IPS_FS_EXPORT_REPORT_INIT { (uint32_t)sizeof(ips_fs_export_report), 0, 0, 0, 0, 0, 0, 0, 0 }

/* Sets all fields of the version that the caller was compiled with. NULL is ignored. */
IPS_API void ips_fs_export_report_init(ips_fs_export_report *report, size_t struct_size);

/*
 * Writes a tree to a directory of the host. One that is not there appears when it is whole and durable; into
 * an empty one it is written in place, and what was written is removed when that fails. Nothing is written
 * outside of it, whatever names and links the tree has; nor into the store, or a store that it reads through:
 * IPS_INVALID when the directory is one or in one, or would be replaced with one in it. Names that are put
 * into a directory go around a store in it: what would take its place is not made, and on_trouble hears of
 * it.
 *
 * tree        a version, tree or directory
 * path        the directory in it; "/" or no bytes: all
 * directory   UTF-8, ended by NUL
 * options     NULL: the defaults
 * progress    NULL: none
 * on_trouble  NULL: all goes on, and the report counts what was refused
 * context     for both callbacks
 * report      may be NULL
 * IPS_EXISTS when the directory holds something; IPS_INVALID when it is something else; IPS_NOT_FOUND,
 * IPS_CORRUPT, IPS_PERMISSION, IPS_FULL, IPS_IO.
 */
IPS_API IPS_CHECKED ips_status ips_fs_export(const ips_store *store, const ips_cid *tree, ips_bytes path,
                                             const char *directory, const ips_fs_export_options *options,
                                             ips_fs_progress progress, ips_fs_on_trouble on_trouble,
                                             void *context, ips_fs_export_report *report, ips_error *error);

/*
 * Removes a directory of the host with all that is in it, or a file: what an export made, say. Directories
 * that their owner, who runs this, has closed to himself are opened first. Links are not followed, other file
 * systems are not entered.
 *
 * directory   UTF-8, ended by NUL
 * progress    hears of the entries that went. When it stops the call, the others stay. NULL: none
 * on_trouble  hears of what cannot be removed; the rest goes on. NULL: none
 * context     for both callbacks
 * IPS_NOT_FOUND when there is nothing; IPS_PERMISSION when something of it stays; IPS_INVALID for a path that
 * ends in "." or "..", also before slashes.
 */
IPS_API IPS_CHECKED ips_status ips_fs_remove_directory(const char *directory, ips_progress progress,
                                                       ips_fs_on_trouble on_trouble, void *context,
                                                       ips_error *error);

/* ------------------------------------------------------------------------------------------------
 * 19  Layout of the structs, on 64-bit machines, which are the only ones supported. Those called frozen
 * keep their size for ever; the others grow at their end only, and the library takes any size from that of
 * their first version on. Each of these has a macro IPS_…_INIT and, for languages that have no macros, a
 * function ips_…_init that does the same; with a size that is none it does nothing. Fields that a caller
 * does not know are left out; fields that the library does not know must be zero in what it reads, and are
 * zeroed in what it writes.
 */

#ifdef __cplusplus
}
#endif

#endif
