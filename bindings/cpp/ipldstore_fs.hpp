/*
 * The versioned file systems of a store: branches, tags, history, differences and merges of trees.
 */
#ifndef IPLDSTORE_FS_HPP
#define IPLDSTORE_FS_HPP

#include "ipldstore_tree.hpp"

namespace ips {

/* A path at which two sides contradict each other: IPS_FS_BOTH_MODIFIED …; `resolution` is IPS_FS_REPORT
 * where nobody has decided. */
struct Conflict {
    std::int32_t kind;
    std::int32_t resolution;
    std::string path;
};

/* A merge that changed nothing, because there are conflicts that its policy does not decide. */
class MergeConflict : public Error {
public:
    MergeConflict(const ips_error &error, std::vector<Conflict> conflicts)
        : Error(IPS_CONFLICT, error), conflicts_(std::move(conflicts)) {}
    const std::vector<Conflict> &conflicts() const noexcept { return conflicts_; }

private:
    std::vector<Conflict> conflicts_;
};

/* IPS_FS_MERGED …, the branch's newest version now, and the conflicts that the policy has decided. */
struct Merge {
    std::int32_t outcome;
    Cid version;
    std::vector<Conflict> conflicts;
};

/* Versions, newest first. */
class History : public Handle<ips_iter, ips_iter_close> {
public:
    struct Version {
        Cid cid;
        ips_fs_version version;
    };
    explicit History(ips_iter *iter) : Handle(iter) {}
    /* The next one, or nothing at the end. */
    std::optional<Version> next() {
        Version found{{}, IPS_FS_VERSION_INIT};
        bool is_there = call([&](auto *error) {
            return ips_iter_next_version(get(), &found.cid, &found.version, error);
        });
        return is_there ? std::optional<Version>(found) : std::nullopt;
    }
    using iterator = Iterator<History, Version>;
    iterator begin() { return iterator(this); }
    iterator end() { return iterator(); }
};

/* What differs between two trees, in the order of paths. */
class Differences : public Handle<ips_iter, ips_iter_close> {
public:
    struct Difference {
        /* IPS_FS_ADDED …, and IPS_FS_CONTENT | … of what both trees have. */
        std::int32_t kind;
        std::uint32_t aspects;
        /* In the new tree, or of what was removed; and in the old one of what was renamed, else empty. */
        std::string path, old_path;
        /* Of kind 0 where a tree has nothing. */
        ips_fs_entry old_entry, new_entry;
    };
    explicit Differences(ips_iter *iter) : Handle(iter) {}
    /* The next one, or nothing at the end. */
    std::optional<Difference> next() {
        Difference found{0, 0, {}, {}, IPS_FS_ENTRY_INIT, IPS_FS_ENTRY_INIT};
        bool is_there = fitted(paths_, [&](std::size_t *lengths, auto *error) {
            std::string &path = paths_[0], &old_path = paths_[1];
            return ips_iter_next_difference(get(), &found.kind, &found.aspects, path.data(), path.size(),
                                            &lengths[0], old_path.data(), old_path.size(), &lengths[1],
                                            &found.old_entry, &found.new_entry, error);
        });
        if (!is_there)
            return std::nullopt;
        found.path = paths_[0];
        found.old_path = paths_[1];
        return found;
    }
    using iterator = Iterator<Differences, Difference>;
    iterator begin() { return iterator(this); }
    iterator end() { return iterator(); }

private:
    std::array<std::string, 2> paths_;
};

/* The branches, tags, versions and trees of a store, which it does not outlive. */
class FileSystem {
public:
    explicit FileSystem(ips_store *store) : store_(store) {}

    /* The newest version of a branch; an empty tree when there is no such branch. */
    Tree open_branch(const std::string &branch) const {
        return Tree(result<ips_fs *>(
            [&](auto *fs, auto *error) { return ips_fs_open_branch(store_, branch.c_str(), fs, error); }));
    }
    /* A version, tree or directory; NULL: an empty tree. */
    Tree open(const Cid *cid = nullptr) const {
        return Tree(
            result<ips_fs *>([&](auto *fs, auto *error) { return ips_fs_open(store_, cid, fs, error); }));
    }

    Cid branch(const std::string &name) const {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_fs_branch_get(store_, name.c_str(), cid, error); });
    }
    /* Another branch at a version, old or new; nothing is copied. */
    void fork(const Cid &version, const std::string &branch) const {
        call([&](auto *error) { return ips_fs_fork(store_, &version, branch.c_str(), error); });
    }
    void delete_branch(const std::string &name) const {
        call([&](auto *error) { return ips_fs_branch_delete(store_, name.c_str(), error); });
    }
    Cid tag(const std::string &name) const {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_fs_tag_get(store_, name.c_str(), cid, error); });
    }
    void set_tag(const std::string &name, const Cid &version, bool move = false) const {
        call([&](auto *error) { return ips_fs_tag_set(store_, name.c_str(), &version, move, error); });
    }
    void delete_tag(const std::string &name) const {
        call([&](auto *error) { return ips_fs_tag_delete(store_, name.c_str(), error); });
    }

    ips_fs_version version(const Cid &cid) const {
        return result<ips_fs_version>(
            [&](auto *version, auto *error) { return ips_fs_version_get(store_, &cid, version, error); },
            ips_fs_version IPS_FS_VERSION_INIT);
    }
    /* The versions that lead to one, and it; of a path, those in which it became what it is there. */
    History history(const Cid &version) const { return history_by(version, nullptr); }
    History history(const Cid &version, Bytes path) const {
        ips_bytes bytes = path;
        return history_by(version, &bytes);
    }
    /* How many versions went: all but the newest, and those that a rule names. */
    std::uint64_t prune(const std::string &branch, std::uint64_t keep_last,
                        std::int64_t keep_since = INT64_MAX, bool keep_tagged = false) const {
        return result<std::uint64_t>([&](auto *dropped, auto *error) {
            return ips_fs_prune(store_, branch.c_str(), keep_last, keep_since, keep_tagged, dropped, error);
        });
    }
    /* How many tombstones, older than a time in seconds, went in a new version. */
    std::uint64_t drop_tombstones(const std::string &branch, std::int64_t before) const {
        return result<std::uint64_t>([&](auto *dropped, auto *error) {
            return ips_fs_drop_tombstones(store_, branch.c_str(), before, dropped, error);
        });
    }

    /* Flags: IPS_FS_ALL, with tombstones, and IPS_FS_RENAMES, of what was renamed one difference, not two. */
    Differences diff(const Cid &from, const Cid &to, std::uint32_t flags = 0) const {
        return Differences(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_fs_diff(store_, &from, &to, flags, iter, error); }));
    }
    /* A MergeConflict when there are conflicts that the policy, IPS_FS_REPORT …, does not decide. */
    Merge merge(const std::string &branch, const Cid &theirs, std::int32_t policy = IPS_FS_REPORT,
                const std::string &message = "", const std::string &author = "") const {
        Merge merge{0, {}, {}};
        ips_iter *iter = nullptr;
        ips_error error;
        ips_status status = ips_fs_merge(store_, branch.c_str(), &theirs, policy, message.c_str(),
                                         author.c_str(), &merge.outcome, &merge.version, &iter, &error);
        if (iter != nullptr)
            merge.conflicts = conflicts(iter);
        if (status == IPS_CONFLICT && !merge.conflicts.empty())
            throw MergeConflict(error, std::move(merge.conflicts));
        if (status != IPS_OK)
            throw Error(status, error);
        return merge;
    }

private:
    History history_by(const Cid &version, const ips_bytes *path) const {
        return History(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_fs_history(store_, &version, path, iter, error); }));
    }
    static std::vector<Conflict> conflicts(ips_iter *iter) {
        std::unique_ptr<ips_iter, void (*)(ips_iter *)> closing(iter, ips_iter_close);
        std::vector<Conflict> found;
        std::array<std::string, 1> path;
        Conflict next{0, 0, {}};
        while (fitted(path, [&](std::size_t *length, auto *error) {
            return ips_iter_next_conflict(iter, &next.kind, &next.resolution, path[0].data(),
                                          path[0].size(), length, error);
        })) {
            next.path = path[0];
            found.push_back(next);
        }
        return found;
    }
    ips_store *store_;
};

} // namespace ips

#endif
