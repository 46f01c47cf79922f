/*
 * ipldstore for C++17: handles that give themselves back, errors that are thrown. Over ipldstore.h, which
 * is the manual, and whose functions take `handle.get()` where this header has nothing.
 *
 *     auto store = ips::Store::open("data.store");
 *     ips::Batch batch = store.batch();
 *     ips::Cid cid = batch.put("hello");
 *     batch.set_root("greeting", cid);
 *     batch.commit();
 *
 * What always holds: a handle is moved, never copied, and given back once, when neither it nor what needs
 * it is there any more; an exception that a caller's function throws is kept, stops the call, and is thrown
 * again when the call has returned.
 */
#ifndef IPLDSTORE_HPP
#define IPLDSTORE_HPP

#include "ipldstore_batch.hpp"
#include "ipldstore_fs.hpp"

#include <vector>

namespace ips {

/* An open store; by any number of threads. */
class Store : public Handle<ips_store, ips_store_close> {
public:
    static void create(const std::string &path, const ips_create_options *options = nullptr) {
        call([&](auto *error) { return ips_store_create(c_text(path), options, error); });
    }
    static Store open(const std::string &path, const ips_open_options *options = nullptr) {
        return Store(result<ips_store *>(
            [&](auto *store, auto *error) { return ips_store_open(c_text(path), options, store, error); }));
    }
    /* A store that reads through those at `bases` and writes only to itself. */
    static void create_layer(const std::string &path, const std::vector<std::string> &bases,
                             const ips_create_options *options = nullptr) {
        std::vector<const char *> paths;
        for (const std::string &base : bases)
            paths.push_back(c_text(base));
        call([&](auto *error) {
            return ips_store_create_layer(c_text(path), paths.data(), paths.size(), options, error);
        });
    }
    /* A store that is gone with its handle; over others, a buffer. */
    static Store in_memory(const std::vector<const ips_store *> &bases = {},
                           const ips_create_options *options = nullptr, const char *owner = nullptr) {
        return Store(result<ips_store *>([&](auto *store, auto *error) {
            return ips_store_create_memory(bases.data(), bases.size(), options, owner, store, error);
        }));
    }
    /* Flags: IPS_FLATTEN_KEEP_GOING, over what bases have lost, and bases that are lost. */
    static ips_copy_report flatten(const std::string &path, Progress progress = {}, std::uint32_t flags = 0) {
        return Callbacks(std::move(progress))
            .result<ips_copy_report>(
                [&](auto *report, auto *its, auto *error) {
                    return ips_store_flatten(c_text(path), flags, its->hear(), its, report, error);
                },
                ips_copy_report IPS_COPY_REPORT_INIT);
    }
    static Bases bases(const std::string &path) {
        return Bases(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_store_bases(c_text(path), iter, error); }));
    }
    static void add_base(const std::string &path, const std::string &base) {
        call([&](auto *error) { return ips_store_add_base(c_text(path), c_text(base), error); });
    }
    static void set_base(const std::string &path, const std::string &was, const std::string &is_now) {
        call([&](auto *error) {
            return ips_store_set_base(c_text(path), c_text(was), c_text(is_now), error);
        });
    }
    /* As repair, and heals from stores that still have what is damaged or missing. */
    static std::pair<ips_repair_report, ips_heal_report>
    repair_from(const std::string &path, const std::vector<const ips_store *> &donors,
                Progress progress = {}) {
        ips_repair_report report = IPS_REPAIR_REPORT_INIT;
        ips_heal_report healing = IPS_HEAL_REPORT_INIT;
        Callbacks(std::move(progress)).call([&](auto *its, auto *error) {
            return ips_store_repair_from(c_text(path), donors.data(), donors.size(), its->hear(), its,
                                         &report, &healing, error);
        });
        return {report, healing};
    }
    static ips_repair_report repair(const std::string &path, Progress progress = {}) {
        return Callbacks(std::move(progress))
            .result<ips_repair_report>(
                [&](auto *report, auto *its, auto *error) {
                    return ips_store_repair(c_text(path), its->hear(), its, report, error);
                },
                ips_repair_report IPS_REPAIR_REPORT_INIT);
    }

    Batch batch() { return Batch(get()); }
    /* Branches, trees, history, merges; it ends before the store does. */
    FileSystem fs() { return FileSystem(get(), kept()); }
    Reader reader(const Cid &cid) const { return Reader(get(), cid); }
    View view(const Cid &cid) const { return View(get(), cid); }
    /* Of a file, or with NULL of nothing. `progress` hears of what later calls on the writer store. */
    Writer writer(const Cid *cid = nullptr, Progress progress = {}) {
        return Writer(std::move(progress), [&](auto *writer, auto *its, auto *error) {
            return ips_writer_open(get(), cid, its->hear(), its, writer, error);
        });
    }

    Cid put(Bytes data) {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_store_put_buffer(get(), data, cid, error); });
    }
    Cid put_descriptor(int descriptor, Progress progress = {}) {
        return Callbacks(std::move(progress)).result<Cid>([&](auto *cid, auto *its, auto *error) {
            return ips_store_put_descriptor(get(), descriptor, its->hear(), its, cid, error);
        });
    }
    Cid put_from(Source source, Progress progress = {}) {
        return Callbacks(std::move(progress), std::move(source))
            .result<Cid>([&](auto *cid, auto *its, auto *error) {
                return ips_store_put_callback(get(), its->give, its->hear(), its, cid, error);
            });
    }
    Cid put_block(Bytes block, std::uint64_t codec = IPS_CODEC_RAW) {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_store_put_block(get(), block, codec, cid, error); });
    }
    Cid put_node(Bytes dag_cbor) {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_store_put_node(get(), dag_cbor, cid, error); });
    }

    /* Changes the map or list at a path inside a value ("": the value itself). */
    Cid edit_node(const Cid &cid, const std::string &path, const std::vector<ips_node_change> &changes) {
        return result<Cid>([&](auto *edited, auto *error) {
            return ips_store_edit_node(get(), &cid, c_text(path), changes.data(), changes.size(), edited,
                                       error);
        });
    }
    Elements elements(const Cid &cid, const std::string &path = "") const {
        return Elements(get(), cid, path);
    }

    bool has(const Cid &cid) const {
        return result<bool>(
            [&](auto *is_here, auto *error) { return ips_store_has(get(), &cid, is_here, error); });
    }
    std::uint64_t size(const Cid &cid) const {
        return result<std::uint64_t>(
            [&](auto *size, auto *error) { return ips_store_size(get(), &cid, size, error); });
    }
    std::string get(const Cid &cid) const {
        return whole([&](auto *buffer, auto capacity, auto *length, auto *error) {
            return ips_store_get_buffer(get(), &cid, buffer, capacity, length, error);
        });
    }
    std::string get_block(const Cid &cid) const {
        return whole([&](auto *buffer, auto capacity, auto *length, auto *error) {
            return ips_store_get_block(get(), &cid, buffer, capacity, length, error);
        });
    }
    std::string get_node(const Cid &cid) const {
        return whole([&](auto *buffer, auto capacity, auto *length, auto *error) {
            return ips_store_get_node(get(), &cid, buffer, capacity, length, error);
        });
    }
    std::string get_value(const Cid &cid, const std::string &path) const {
        return whole([&](auto *buffer, auto capacity, auto *length, auto *error) {
            return ips_store_get_value(get(), &cid, c_text(path), buffer, capacity, length, error);
        });
    }
    std::size_t read_at(const Cid &cid, std::uint64_t offset, void *buffer, std::size_t capacity) const {
        return result<std::size_t>([&](auto *got, auto *error) {
            return ips_store_read_at(get(), &cid, offset, buffer, capacity, got, error);
        });
    }
    void copy_to(const Cid &cid, Sink sink, std::uint64_t offset = 0, std::uint64_t length = IPS_ALL,
                 Progress progress = {}) const {
        Callbacks(std::move(progress), {}, std::move(sink)).call([&](auto *its, auto *error) {
            return ips_store_get_callback(get(), &cid, offset, length, its->take, its->hear(), its, error);
        });
    }
    void copy_to_descriptor(const Cid &cid, int descriptor, std::uint64_t offset = 0,
                            std::uint64_t length = IPS_ALL, Progress progress = {}) const {
        Callbacks(std::move(progress)).call([&](auto *its, auto *error) {
            return ips_store_get_descriptor(get(), &cid, offset, length, descriptor, its->hear(), its,
                                            error);
        });
    }

    Cid root(const std::string &name) const {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_root_get(get(), c_text(name), cid, error); });
    }
    /* As root, and where the store has none, the first base's that has one. */
    Cid find_root(const std::string &name) const {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_root_find(get(), c_text(name), cid, error); });
    }
    void set_root(const std::string &name, const Cid &cid) {
        call([&](auto *error) { return ips_root_set(get(), c_text(name), &cid, error); });
    }
    void swap_root(const std::string &name, const Cid *expected, const Cid &cid) {
        call([&](auto *error) { return ips_root_swap(get(), c_text(name), expected, &cid, error); });
    }
    ips_gc_report delete_root(const std::string &name, const Cid *expected = nullptr,
                              std::uint64_t budget = IPS_DEFAULT_BUDGET) {
        return result<ips_gc_report>(
            [&](auto *report, auto *error) {
                return ips_root_delete(get(), c_text(name), expected, budget, report, error);
            },
            ips_gc_report IPS_GC_REPORT_INIT);
    }
    void retain(const Cid &cid, const char *owner = nullptr) {
        call([&](auto *error) { return ips_store_retain(get(), &cid, owner, error); });
    }
    ips_gc_report dereference(const Cid &cid, const char *owner = nullptr,
                              std::uint64_t budget = IPS_DEFAULT_BUDGET) {
        return result<ips_gc_report>(
            [&](auto *report, auto *error) {
                return ips_store_dereference(get(), &cid, owner, budget, report, error);
            },
            ips_gc_report IPS_GC_REPORT_INIT);
    }

    Roots roots(const char *from = nullptr) const {
        return Roots(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_root_list(get(), from, iter, error); }));
    }
    /** Those that only bases have. */
    Roots base_roots(const char *from = nullptr) const {
        return Roots(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_root_list_base(get(), from, iter, error); }));
    }
    Holds holds(const char *owner = nullptr) const {
        return Holds(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_store_holds(get(), owner, iter, error); }));
    }
    Forks forks() const {
        return Forks(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_store_forks(get(), iter, error); }));
    }
    void forget_fork(const std::string &identity, Progress progress = {}) {
        Callbacks(std::move(progress)).call([&](auto *its, auto *error) {
            return ips_store_forget_fork(get(), c_text(identity), its->hear(), its, error);
        });
    }
    void seal() {
        call([&](auto *error) { return ips_store_seal(get(), error); });
    }
    /* What a CID reaches in another store; a root names it, or the handle's owner holds it. */
    ips_copy_report copy_from(const Store &from, const Cid &cid, const char *root = nullptr,
                              Progress progress = {}) {
        return Callbacks(std::move(progress))
            .result<ips_copy_report>(
                [&](auto *report, auto *its, auto *error) {
                    return ips_store_copy(get(), from.get(), &cid, root, its->hear(), its, report, error);
                },
                ips_copy_report IPS_COPY_REPORT_INIT);
    }
    ips_heal_report heal(const std::vector<const ips_store *> &donors, Progress progress = {}) {
        return Callbacks(std::move(progress))
            .result<ips_heal_report>(
                [&](auto *report, auto *its, auto *error) {
                    return ips_store_heal(get(), donors.data(), donors.size(), its->hear(), its, report,
                                          error);
                },
                ips_heal_report IPS_HEAL_REPORT_INIT);
    }
    Links links(const Cid &cid) const {
        return Links(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_store_links(get(), &cid, iter, error); }));
    }
    Changes diff(const Cid &from, const Cid &to) const {
        return Changes(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_store_diff(get(), &from, &to, iter, error); }));
    }

    ips_gc_report gc(std::uint64_t budget = IPS_DEFAULT_BUDGET, Progress progress = {}) {
        return Callbacks(std::move(progress))
            .result<ips_gc_report>(
                [&](auto *report, auto *its, auto *error) {
                    return ips_store_gc(get(), budget, its->hear(), its, report, error);
                },
                ips_gc_report IPS_GC_REPORT_INIT);
    }
    ips_stat stat() const {
        return result<ips_stat>([&](auto *stat, auto *error) { return ips_store_stat(get(), stat, error); },
                                ips_stat IPS_STAT_INIT);
    }
    ips_usage usage(const std::vector<std::string> &roots, Progress progress = {}) const {
        std::vector<const char *> names;
        for (const std::string &root : roots)
            names.push_back(c_text(root));
        return Callbacks(std::move(progress))
            .result<ips_usage>(
                [&](auto *usage, auto *its, auto *error) {
                    return ips_store_usage(get(), names.data(), names.size(), its->hear(), its, usage, error);
                },
                ips_usage IPS_USAGE_INIT);
    }
    /* What gc would take if nothing protected it. */
    ips_usage gc_dry_run(Progress progress = {}) const {
        return Callbacks(std::move(progress))
            .result<ips_usage>(
                [&](auto *usage, auto *its, auto *error) {
                    return ips_store_gc_dry_run(get(), its->hear(), its, usage, error);
                },
                ips_usage IPS_USAGE_INIT);
    }
    ips_block_information inspect(const Cid &cid) const {
        return result<ips_block_information>(
            [&](auto *information, auto *error) {
                return ips_store_inspect(get(), &cid, information, error);
            },
            ips_block_information IPS_BLOCK_INFORMATION_INIT);
    }
    ips_store_information information() const {
        return result<ips_store_information>(
            [&](auto *information, auto *error) {
                return ips_store_get_information(get(), information, error);
            },
            ips_store_information IPS_STORE_INFORMATION_INIT);
    }
    /* What the store was made with, as options for create. */
    ips_create_options configuration() const {
        return result<ips_create_options>(
            [&](auto *options, auto *error) { return ips_store_get_configuration(get(), options, error); },
            ips_create_options IPS_CREATE_OPTIONS_INIT);
    }
    /* What is not as it must be: nothing, when all is well. `missing` is given the blocks that are linked to
     * and not here, which is no problem; the report has their number. */
    Problems verify(ips_verify_report *report = nullptr, Progress progress = {},
                    std::vector<Cid> *missing = nullptr) {
        ips_iter *problems = nullptr, *absent = nullptr;
        Callbacks(std::move(progress)).call([&](auto *its, auto *error) {
            ips_iter **wanted = missing == nullptr ? nullptr : &absent;
            return ips_store_verify(get(), its->hear(), its, report, &problems, wanted, error);
        });
        Problems found(problems);
        if (missing != nullptr) {
            Links cids(absent);
            missing->assign(cids.begin(), cids.end());
        }
        return found;
    }

    using Handle::get;

private:
    explicit Store(ips_store *store) : Handle(store) {}
};

} // namespace ips

#endif
