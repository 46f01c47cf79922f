/*
 * Batches, for ipldstore.hpp.
 */
#ifndef IPLDSTORE_BATCH_HPP
#define IPLDSTORE_BATCH_HPP

#include "ipldstore_streams.hpp"

#include <vector>

namespace ips {

/* A unit of work; what is not committed is aborted. */
class Batch : public Handle<ips_batch, ips_batch_free> {
public:
    explicit Batch(ips_store *store)
        : Handle(result<ips_batch *>(
              [&](auto *batch, auto *error) { return ips_batch_begin(store, batch, error); })) {}
    Cid put(Bytes data) {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_batch_put_buffer(get(), data, cid, error); });
    }
    Cid put_descriptor(int descriptor, Progress progress = {}) {
        return Callbacks(std::move(progress)).result<Cid>([&](auto *cid, auto *its, auto *error) {
            return ips_batch_put_descriptor(get(), descriptor, its->hear(), its, cid, error);
        });
    }
    Cid put_from(Source source, Progress progress = {}) {
        return Callbacks(std::move(progress), std::move(source))
            .result<Cid>([&](auto *cid, auto *its, auto *error) {
                return ips_batch_put_callback(get(), its->give, its->hear(), its, cid, error);
            });
    }
    Cid put_block(Bytes block, std::uint64_t codec = IPS_CODEC_RAW) {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_batch_put_block(get(), block, codec, cid, error); });
    }
    Cid put_node(Bytes dag_cbor) {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_batch_put_node(get(), dag_cbor, cid, error); });
    }
    Cid edit_node(const Cid &cid, const std::string &path, const std::vector<ips_node_change> &changes) {
        return result<Cid>([&](auto *edited, auto *error) {
            return ips_batch_edit_node(get(), &cid, c_text(path), changes.data(), changes.size(), edited,
                                       error);
        });
    }
    /* Of a file, or with NULL of nothing. It keeps the batch, and ends when that is committed or aborted. */
    Writer writer(const Cid *cid = nullptr, Progress progress = {}) {
        auto open = [&](auto *writer, auto *its, auto *error) {
            return ips_batch_open_writer(get(), cid, its->hear(), its, writer, error);
        };
        return Writer(std::move(progress), open, kept());
    }
    void set_root(const std::string &name, const Cid &cid) {
        call([&](auto *error) { return ips_batch_set_root(get(), c_text(name), &cid, error); });
    }
    void remove_root(const std::string &name) {
        call([&](auto *error) { return ips_batch_set_root(get(), c_text(name), nullptr, error); });
    }
    /* `expected` NULL: that there is none; `cid` NULL: remove it. */
    void swap_root(const std::string &name, const Cid *expected, const Cid *cid) {
        call([&](auto *error) { return ips_batch_swap_root(get(), c_text(name), expected, cid, error); });
    }
    void hold(const Cid &cid, const char *owner = nullptr) {
        call([&](auto *error) { return ips_batch_hold(get(), &cid, owner, error); });
    }
    void commit() {
        call([&](auto *error) { return ips_batch_commit(get(), error); });
    }
    void abort() {
        call([&](auto *error) { return ips_batch_abort(get(), error); });
    }
};

} // namespace ips

#endif
