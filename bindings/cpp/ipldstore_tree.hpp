/*
 * What ipldstore.hpp opens of file systems: trees, their files, and what is found in them.
 */
#ifndef IPLDSTORE_TREE_HPP
#define IPLDSTORE_TREE_HPP

#include "ipldstore_base.hpp"

#include <vector>

namespace ips {

/* A commit that came second: the version is kept for the branch, and to be merged. */
class LostRace : public Error {
public:
    LostRace(const ips_error &error, const Cid &version)
        : Error(IPS_CONFLICT, error), version_(version) {}
    const Cid &version() const noexcept { return version_; }

private:
    Cid version_;
};

/* Names of a directory, or paths of a tree, and what they are. It keeps its tree. */
class Entries : public Handle<ips_iter, ips_iter_close> {
public:
    struct Named {
        std::string name;
        ips_fs_entry entry;
    };
    Entries(ips_iter *iter, std::shared_ptr<void> tree) : Handle(iter, std::move(tree)) {}
    /* The next one, or nothing at the end. */
    std::optional<Named> next() {
        ips_fs_entry entry = IPS_FS_ENTRY_INIT;
        bool is_there = fitted(name_, [&](std::size_t *length, auto *error) {
            return ips_iter_next_entry(get(), name_[0].data(), name_[0].size(), length, &entry, error);
        });
        return is_there ? std::optional<Named>({name_[0], entry}) : std::nullopt;
    }
    using iterator = Iterator<Entries, Named>;
    iterator begin() { return iterator(this); }
    iterator end() { return iterator(); }

private:
    std::array<std::string, 1> name_;
};

/* A file of a tree that is open, which it keeps. What is not committed is forgotten. */
class File : private Observed, public Handle<ips_fs_file, ips_fs_file_close> {
public:
    /* `open` makes it, of callbacks and a place for the handle. */
    template <typename Open>
    File(Progress progress, Open &&open, std::shared_ptr<void> tree)
        : Observed(std::move(progress)),
          Handle(observer_->result<ips_fs_file *>(open), std::move(tree)) {}
    std::uint64_t size() const {
        return result<std::uint64_t>(
            [&](auto *size, auto *error) { return ips_fs_file_size(get(), size, error); });
    }
    std::size_t read_at(std::uint64_t offset, void *buffer, std::size_t capacity) const {
        return result<std::size_t>([&](auto *got, auto *error) {
            return ips_fs_file_read_at(get(), offset, buffer, capacity, got, error);
        });
    }
    void write_at(std::uint64_t offset, Bytes data) {
        observed([&](auto *error) { return ips_fs_file_write_at(get(), offset, data, error); });
    }
    void truncate(std::uint64_t size) {
        observed([&](auto *error) { return ips_fs_file_truncate(get(), size, error); });
    }
    /* Gives the tree what was written. */
    void commit() {
        observed([&](auto *error) { return ips_fs_file_commit(get(), error); });
    }
};

/* A tree that is open: looked at, and changed in memory until its commit. Paths are bytes, in the tree. By
 * one thread at a time, with its files and iterators. `follow`: a symbolic link at a path's end is followed.
 */
class Tree : public Handle<ips_fs, ips_fs_close> {
public:
    explicit Tree(ips_fs *fs) : Handle(fs) {}
    /* The branch's newest version now. */
    Cid commit(const std::string &branch, const std::string &message = "", const std::string &author = "",
               Progress progress = {}) {
        Cid version;
        ips_error error;
        Callbacks callbacks(std::move(progress));
        ips_status status = ips_fs_commit(get(), c_text(branch), c_text(message), c_text(author),
                                          callbacks.hear(), &callbacks, &version, &error);
        callbacks.settle();
        if (status == IPS_CONFLICT && version.digest_length > 0)
            throw LostRace(error, version);
        if (status != IPS_OK)
            throw Error(status, error);
        return version;
    }

    ips_fs_entry stat(Bytes path, bool follow = true) const {
        return result<ips_fs_entry>(
            [&](auto *entry, auto *error) { return ips_fs_stat(get(), path, follow, entry, error); },
            ips_fs_entry IPS_FS_ENTRY_INIT);
    }
    bool exists(Bytes path) const {
        try {
            stat(path);
            return true;
        } catch (const Error &error) {
            if (error.status() != IPS_NOT_FOUND)
                throw;
            return false;
        }
    }
    /* A directory from a name on; flags: IPS_FS_ALL with tombstones. */
    Entries list(Bytes path = "/", Bytes from = "", std::uint32_t flags = 0) const {
        auto list = [&](auto *iter, auto *error) {
            return ips_fs_list(get(), path, from, flags, iter, error);
        };
        return Entries(result<ips_iter *>(list), kept());
    }
    /* Everything below a directory, by paths from the root. */
    Entries walk(Bytes path = "/", std::uint32_t flags = 0) const {
        auto walk = [&](auto *iter, auto *error) { return ips_fs_walk(get(), path, flags, iter, error); };
        return Entries(result<ips_iter *>(walk), kept());
    }
    std::string read_link(Bytes path) const {
        return whole([&](auto *buffer, auto capacity, auto *length, auto *error) {
            return ips_fs_read_link(get(), path, buffer, capacity, length, error);
        });
    }

    /* IPS_FS_READ, or IPS_FS_WRITE with IPS_FS_CREATE, of this mode, and IPS_FS_TRUNCATE. `progress` hears,
     * in calls on the file, of the bytes that are stored while much is. */
    File open(Bytes path, std::uint32_t flags = IPS_FS_READ, std::uint32_t mode = 0644,
              Progress progress = {}) {
        auto open = [&](auto *file, auto *its, auto *error) {
            return ips_fs_file_open(get(), path, flags, mode, its->hear(), its, file, error);
        };
        return File(std::move(progress), open, kept());
    }
    /* All bytes of a file. */
    std::string read(Bytes path) {
        File file = open(path);
        std::string data(file.size(), '\0');
        data.resize(file.read_at(0, data.data(), data.size()));
        return data;
    }
    /* Gives a file, which is made when it is not there, these bytes and no others. */
    void write(Bytes path, Bytes data, std::uint32_t mode = 0644) {
        File file = open(path, IPS_FS_WRITE | IPS_FS_CREATE | IPS_FS_TRUNCATE, mode);
        file.write_at(0, data);
        file.commit();
    }

    /* Gives a file, which is made when it is not there, the content of one that is stored. */
    void put_file(Bytes path, const Cid &cid, std::uint32_t mode = 0644, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_put_file(get(), path, &cid, mode, hear, its, error);
        });
    }

    void make_directory(Bytes path, std::uint32_t mode = 0755, bool parents = false) {
        call([&](auto *error) { return ips_fs_make_directory(get(), path, mode, parents, error); });
    }
    /* IPS_FS_FILE, IPS_FS_FIFO, …; major and minor are those of devices. */
    void make_node(Bytes path, std::int32_t kind, std::uint32_t mode, std::uint32_t major = 0,
                   std::uint32_t minor = 0) {
        call([&](auto *error) { return ips_fs_make_node(get(), path, kind, mode, major, minor, error); });
    }
    void make_symlink(Bytes path, Bytes target) {
        call([&](auto *error) { return ips_fs_make_symlink(get(), path, target, error); });
    }
    void make_cid_link(Bytes path, const Cid &target) {
        call([&](auto *error) { return ips_fs_make_cid_link(get(), path, &target, error); });
    }
    void link(Bytes existing, Bytes path) {
        call([&](auto *error) { return ips_fs_link(get(), existing, path, error); });
    }
    /* `progress` of what follows hears of the blocks that are read, where names are gone through: those of
     * directories of type IPS_FS_SYNC_MERKLE_CRDT, and those that share files. */
    void rename(Bytes path, Bytes target, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_rename(get(), path, target, hear, its, error);
        });
    }
    /* Costs nothing, whatever is below it, but for such names. */
    void copy(Bytes path, Bytes target, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_copy(get(), path, target, hear, its, error);
        });
    }
    /* Gives a path what another version, tree or directory has at `from`, in the place of what it has now. */
    void restore(Bytes path, const Cid &tree, Bytes from, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_restore(get(), path, &tree, from, hear, its, error);
        });
    }
    /* `tree`: a directory with all that is below it. */
    void remove(Bytes path, bool tree = false, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_remove(get(), path, tree, hear, its, error);
        });
    }

    void set_mode(Bytes path, std::uint32_t mode, bool follow = true, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_set_mode(get(), path, mode, follow, hear, its, error);
        });
    }
    /* UINT32_MAX leaves what is there. */
    void set_owner(Bytes path, std::uint32_t uid, std::uint32_t gid, bool follow = true,
                   Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_set_owner(get(), path, uid, gid, follow, hear, its, error);
        });
    }
    void set_time(Bytes path, std::int64_t seconds, std::uint32_t nanoseconds = 0, bool follow = true,
                  Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_set_time(get(), path, seconds, nanoseconds, follow, hear, its, error);
        });
    }
    void set_sync(Bytes path, std::int32_t sync, bool recursively = false, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_set_sync(get(), path, sync, recursively, hear, its, error);
        });
    }
    std::string attribute(Bytes path, Bytes name) const {
        return whole([&](auto *buffer, auto capacity, auto *length, auto *error) {
            return ips_fs_get_attribute(get(), path, name, buffer, capacity, length, error);
        });
    }
    std::vector<std::string> attributes(Bytes path) const {
        std::string names = whole([&](auto *buffer, auto capacity, auto *length, auto *error) {
            return ips_fs_list_attributes(get(), path, buffer, capacity, length, error);
        });
        std::vector<std::string> found;
        for (std::size_t at = 0; at < names.size(); at += found.back().size() + 1)
            found.emplace_back(names.c_str() + at);
        return found;
    }
    void set_attribute(Bytes path, Bytes name, Bytes value, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_set_attribute(get(), path, name, value, hear, its, error);
        });
    }
    /* A value of any kind, as its DAG-CBOR. */
    std::string attribute_value(Bytes path, Bytes name) const {
        return whole([&](auto *buffer, auto capacity, auto *length, auto *error) {
            return ips_fs_get_attribute_value(get(), path, name, buffer, capacity, length, error);
        });
    }
    void set_attribute_value(Bytes path, Bytes name, Bytes dag_cbor, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_set_attribute_value(get(), path, name, dag_cbor, hear, its, error);
        });
    }
    void remove_attribute(Bytes path, Bytes name, Progress progress = {}) {
        change(progress, [&](auto hear, auto *its, auto *error) {
            return ips_fs_remove_attribute(get(), path, name, hear, its, error);
        });
    }

private:
    template <typename Call> void change(Progress &progress, Call &&body) {
        Callbacks(std::move(progress)).call([&](auto *its, auto *error) {
            return body(its->hear(), its, error);
        });
    }
};

} // namespace ips

#endif
