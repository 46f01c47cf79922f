/*
 * What ipldstore.hpp opens: views, readers, writers, and the elements of nodes.
 */
#ifndef IPLDSTORE_STREAMS_HPP
#define IPLDSTORE_STREAMS_HPP

#include "ipldstore_base.hpp"

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
    std::uint64_t tell() const {
        return result<std::uint64_t>(
            [&](auto *position, auto *error) { return ips_reader_tell(get(), position, error); });
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
              return ips_store_elements(store, &cid, c_text(path), iter, error);
          })) {}
    /* The next one, or nothing at the end. */
    std::optional<Element> next() {
        bool is_there = fitted(buffers_, [&](std::size_t *lengths, auto *error) {
            std::string &key = buffers_[0], &value = buffers_[1];
            return ips_iter_next_element(get(), key.data(), key.size(), &lengths[0], value.data(),
                                         value.size(), &lengths[1], error);
        });
        return is_there ? std::optional<Element>({buffers_[0], buffers_[1]}) : std::nullopt;
    }
    using iterator = Iterator<Elements, Element>;
    iterator begin() { return iterator(this); }
    iterator end() { return iterator(); }
    /* Of the element that comes next, from 0. */
    std::uint64_t position() const {
        return result<std::uint64_t>([&](auto *position, auto *error) {
            return ips_iter_tell_element(get(), position, nullptr, nullptr, error);
        });
    }
    bool is_map() const {
        return result<bool>([&](auto *is_map, auto *error) {
            return ips_iter_tell_element(get(), nullptr, nullptr, is_map, error);
        });
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

private:
    std::array<std::string, 2> buffers_;
};

/* Changes of a map or a list, for edit_node; the bytes must outlive that call. */
inline ips_node_change set_key(Bytes key, Bytes value) { return {IPS_NODE_SET, 0, key, 0, 0, value}; }
inline ips_node_change remove_key(Bytes key) { return {IPS_NODE_REMOVE, 0, key, 0, 0, {nullptr, 0}}; }
inline ips_node_change replace_elements(std::uint64_t position, std::uint64_t count, Bytes values) {
    return {IPS_NODE_REPLACE, 0, {nullptr, 0}, position, count, values};
}

/* A file that is changed anywhere; `commit` gives the CID of what came out. */
class Writer : private Observed, public Handle<ips_writer, ips_writer_close> {
public:
    /* `open` makes it, of callbacks and a place for the handle. */
    template <typename Open>
    Writer(Progress progress, Open &&open, std::shared_ptr<void> batch = {})
        : Observed(std::move(progress)),
          Handle(observer_->result<ips_writer *>(open), std::move(batch)) {}
    void write_at(std::uint64_t offset, Bytes data) {
        observed([&](auto *error) { return ips_writer_write_at(get(), offset, data, error); });
    }
    void append(Bytes data) {
        observed([&](auto *error) { return ips_writer_append(get(), data, error); });
    }
    void truncate(std::uint64_t size) {
        observed([&](auto *error) { return ips_writer_truncate(get(), size, error); });
    }
    std::size_t read_at(std::uint64_t offset, void *buffer, std::size_t capacity) {
        std::size_t got = 0;
        observed([&](auto *error) {
            return ips_writer_read_at(get(), offset, buffer, capacity, &got, error);
        });
        return got;
    }
    std::uint64_t size() const {
        return result<std::uint64_t>(
            [&](auto *size, auto *error) { return ips_writer_size(get(), size, error); });
    }
    /* Stores what was written so far. Nothing is durable, or kept, before the commit. */
    Cid flush() {
        Cid cid;
        observed([&](auto *error) { return ips_writer_flush(get(), &cid, error); });
        return cid;
    }
    Cid commit() {
        Cid cid;
        observed([&](auto *error) { return ips_writer_commit(get(), &cid, error); });
        return cid;
    }
    void abort() {
        call([&](auto *error) { return ips_writer_abort(get(), error); });
    }
};

} // namespace ips

#endif
