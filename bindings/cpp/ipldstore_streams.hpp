/*
 * What ipldstore.hpp opens: views, readers, writers, and the elements of nodes.
 */
#ifndef IPLDSTORE_STREAMS_HPP
#define IPLDSTORE_STREAMS_HPP

#include "ipldstore_base.hpp"

#include <algorithm>

namespace ips {

/* One block's bytes, in the library's memory for as long as the view lives. */
class View : public Handle<ips_view, ips_view_close> {
public:
    View(const ips_store *store, const Cid &cid)
        : Handle(result<ips_view *>(
              [&](auto *view, auto *error) { return ips_store_view(store, &cid, view, error); })) {}
    std::string_view bytes() const noexcept {
        ips_bytes bytes = ips_view_bytes(get());
        return {static_cast<const char *>(bytes.data), bytes.len};
    }
};

/* A file open for reading; by any number of threads. */
class Reader : public Handle<ips_reader, ips_reader_close> {
public:
    Reader(const ips_store *store, const Cid &cid)
        : Handle(result<ips_reader *>(
              [&](auto *reader, auto *error) { return ips_reader_open(store, &cid, reader, error); })) {}
    std::size_t read_at(std::uint64_t offset, void *buffer, std::size_t capacity) const {
        return result<std::size_t>([&](auto *got, auto *error) {
            return ips_reader_read_at(get(), offset, buffer, capacity, got, error);
        });
    }
    std::size_t read(void *buffer, std::size_t capacity) {
        return result<std::size_t>(
            [&](auto *got, auto *error) { return ips_reader_read(get(), buffer, capacity, got, error); });
    }
    /* IPS_SEEK_…; the new position. */
    std::uint64_t seek(std::int64_t offset, int origin = IPS_SEEK_START) {
        return result<std::uint64_t>([&](auto *position, auto *error) {
            return ips_reader_seek(get(), offset, origin, position, error);
        });
    }
    std::uint64_t size() const {
        return result<std::uint64_t>(
            [&](auto *size, auto *error) { return ips_reader_size(get(), size, error); });
    }
};

/* The elements of a map or a list, in order. */
class Elements : public Handle<ips_iter, ips_iter_close> {
public:
    /* `key` is empty in a list; `value` is DAG-CBOR. */
    struct Element {
        std::string key, value;
    };
    Elements(const ips_store *store, const Cid &cid, const std::string &path)
        : Handle(result<ips_iter *>([&](auto *iter, auto *error) {
              return ips_store_elements(store, &cid, path.c_str(), iter, error);
          })) {}
    /* The next one, or nothing at the end. */
    std::optional<Element> next() {
        Element found{std::string(256, '\0'), std::string(4096, '\0')};
        for (;;) {
            ips_error error;
            std::size_t key = 0, value = 0;
            ips_status status =
                ips_iter_next_element(get(), found.key.data(), found.key.size(), &key, found.value.data(),
                                      found.value.size(), &value, &error);
            if (status == IPS_END)
                return std::nullopt;
            bool is_longer = key > found.key.size() || value > found.value.size();
            if (status == IPS_BUFFER_TOO_SMALL && is_longer) {
                found.key.resize(std::max(key, found.key.size()));
                found.value.resize(std::max(value, found.value.size()));
                continue;
            }
            if (status != IPS_OK)
                throw Error(status, error);
            found.key.resize(key);
            found.value.resize(value);
            return found;
        }
    }
    std::uint64_t count() const {
        return result<std::uint64_t>([&](auto *count, auto *error) {
            return ips_iter_tell_element(get(), nullptr, count, nullptr, error);
        });
    }
    void seek(std::uint64_t position) {
        call([&](auto *error) { return ips_iter_seek_element(get(), position, error); });
    }
    void seek_key(Bytes key) {
        call([&](auto *error) { return ips_iter_seek_key(get(), key, error); });
    }
};

/* Changes of a map or a list, for edit_node; the bytes must outlive that call. */
inline ips_node_change set_key(Bytes key, Bytes value) { return {IPS_NODE_SET, 0, key, 0, 0, value}; }
inline ips_node_change remove_key(Bytes key) { return {IPS_NODE_REMOVE, 0, key, 0, 0, {nullptr, 0}}; }
inline ips_node_change replace_elements(std::uint64_t position, std::uint64_t count, Bytes values) {
    return {IPS_NODE_REPLACE, 0, {nullptr, 0}, position, count, values};
}

/* A file that is changed anywhere; `commit` gives the CID of what came out. */
class Writer : public Handle<ips_writer, ips_writer_close> {
public:
    explicit Writer(ips_writer *writer) : Handle(writer) {}
    void write_at(std::uint64_t offset, Bytes data) {
        call([&](auto *error) { return ips_writer_write_at(get(), offset, data, error); });
    }
    void append(Bytes data) {
        call([&](auto *error) { return ips_writer_append(get(), data, error); });
    }
    void truncate(std::uint64_t size) {
        call([&](auto *error) { return ips_writer_truncate(get(), size, error); });
    }
    std::size_t read_at(std::uint64_t offset, void *buffer, std::size_t capacity) {
        return result<std::size_t>([&](auto *got, auto *error) {
            return ips_writer_read_at(get(), offset, buffer, capacity, got, error);
        });
    }
    std::uint64_t size() const {
        return result<std::uint64_t>(
            [&](auto *size, auto *error) { return ips_writer_size(get(), size, error); });
    }
    Cid flush() {
        return result<Cid>([&](auto *cid, auto *error) { return ips_writer_flush(get(), cid, error); });
    }
    Cid commit() {
        return result<Cid>([&](auto *cid, auto *error) { return ips_writer_commit(get(), cid, error); });
    }
    void abort() {
        call([&](auto *error) { return ips_writer_abort(get(), error); });
    }
};

} // namespace ips

#endif
