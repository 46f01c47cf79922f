/*
 * The versioned file systems of a store: branches, tags, history, differences and merges of trees.
 */
#ifndef IPLDSTORE_FS_HPP
#define IPLDSTORE_FS_HPP

#include "ipldstore_merge.hpp"
#include "ipldstore_transfer.hpp"

#include <map>

namespace ips {

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
        return next({});
    }
    /* `progress` hears, of the history of a path, of the versions that were looked at; when it stops the
     * call, the next one goes on. */
    std::optional<Version> next(Progress progress) {
        Version found{{}, IPS_FS_VERSION_INIT};
        bool is_there = Callbacks(std::move(progress)).call([&](auto *its, auto *error) {
            return ips_iter_next_version(get(), &found.cid, &found.version, its->hear(), its, error);
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

/* What came with a branch of another store. */
struct BranchCopy {
    std::uint64_t versions;
    ips_copy_report report;
};

/* The branches, tags, versions and trees of a store, which it keeps. A `progress` that stops a call has it
 * change nothing, where nothing else is said. */
class FileSystem {
public:
    /* `of` keeps the store open. */
    explicit FileSystem(ips_store *store, std::shared_ptr<void> of = {})
        : of_(std::move(of)), store_(store) {}

    /* The newest version of a branch; an empty tree when there is no such branch. */
    Tree open_branch(const std::string &branch) const {
        return Tree(result<ips_fs *>(
            [&](auto *fs, auto *error) { return ips_fs_open_branch(store_, c_text(branch), fs, error); }));
    }
    /* A version, tree or directory; NULL: an empty tree. */
    Tree open(const Cid *cid = nullptr, Progress progress = {}) const {
        return Tree(Callbacks(std::move(progress)).result<ips_fs *>([&](auto *fs, auto *its, auto *error) {
            return ips_fs_open(store_, cid, its->hear(), its, fs, error);
        }));
    }

    Cid branch(const std::string &name) const {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_fs_branch_get(store_, c_text(name), cid, error); });
    }
    /* Branches, by name, with their newest versions; not those that only bases have. */
    std::map<std::string, Cid> branches() const { return named("fs/branch/"); }
    /* Tags, by name. */
    std::map<std::string, Cid> tags() const { return named("fs/tag/"); }
    /* Another branch at a version, old or new; nothing is copied. */
    void fork(const Cid &version, const std::string &branch) const {
        call([&](auto *error) { return ips_fs_fork(store_, &version, c_text(branch), error); });
    }
    /* What went before it was stopped is gone. */
    void delete_branch(const std::string &name, Progress progress = {}) const {
        Callbacks(std::move(progress)).call([&](auto *its, auto *error) {
            return ips_fs_branch_delete(store_, c_text(name), its->hear(), its, error);
        });
    }
    /* Its newest tree, what removing it would free, and what of the tree something else keeps. */
    ips_usage branch_usage(const std::string &name, Progress progress = {}) const {
        return Callbacks(std::move(progress))
            .result<ips_usage>(
                [&](auto *usage, auto *its, auto *error) {
                    return ips_fs_branch_usage(store_, c_text(name), its->hear(), its, usage, error);
                },
                ips_usage IPS_USAGE_INIT);
    }
    /* Copies a version of another store with its history, of at most `limit` versions, 0 for all, and moves a
     * branch to it: also when that has versions which do not lead to it, with `force`. */
    BranchCopy copy_branch(const FileSystem &from, const Cid &version, const std::string &branch,
                           std::uint64_t limit = 0, bool force = false, Progress progress = {}) const {
        BranchCopy copy{0, IPS_COPY_REPORT_INIT};
        Callbacks(std::move(progress)).call([&](auto *its, auto *error) {
            return ips_fs_branch_copy(store_, from.store_, &version, c_text(branch), limit, force,
                                      its->hear(), its, &copy.versions, &copy.report, error);
        });
        return copy;
    }
    /* Copies a version of another store, without its history, and tags it. */
    ips_copy_report copy_tag(const FileSystem &from, const Cid &version, const std::string &tag,
                             bool move = false, Progress progress = {}) const {
        return Callbacks(std::move(progress))
            .result<ips_copy_report>(
                [&](auto *report, auto *its, auto *error) {
                    return ips_fs_tag_copy(store_, from.store_, &version, c_text(tag), move, its->hear(), its,
                                           report, error);
                },
                ips_copy_report IPS_COPY_REPORT_INIT);
    }
    Cid tag(const std::string &name) const {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_fs_tag_get(store_, c_text(name), cid, error); });
    }
    void set_tag(const std::string &name, const Cid &version, bool move = false) const {
        call([&](auto *error) { return ips_fs_tag_set(store_, c_text(name), &version, move, error); });
    }
    void delete_tag(const std::string &name) const {
        call([&](auto *error) { return ips_fs_tag_delete(store_, c_text(name), error); });
    }

    ips_fs_version version(const Cid &cid) const {
        return result<ips_fs_version>(
            [&](auto *version, auto *error) { return ips_fs_version_get(store_, &cid, version, error); },
            ips_fs_version IPS_FS_VERSION_INIT);
    }
    /* All versions that one was made from, in order. */
    Links previous(const Cid &version) const {
        return Links(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_fs_version_previous(store_, &version, iter, error); }));
    }
    /* The versions that lead to one, and it; of a path, those in which it became what it is there. */
    History history(const Cid &version) const { return history_by(version, nullptr); }
    History history(const Cid &version, Bytes path) const {
        ips_bytes bytes = path;
        return history_by(version, &bytes);
    }
    /* How many versions went: all but the newest, those that a rule names, and those that a tag keeps. What
     * went before it was stopped is gone, and the next call drops the others. */
    std::uint64_t prune(const std::string &branch, std::uint64_t keep_last,
                        std::int64_t keep_since = INT64_MAX, Progress progress = {}) const {
        return Callbacks(std::move(progress))
            .result<std::uint64_t>([&](auto *dropped, auto *its, auto *error) {
                return ips_fs_prune(store_, c_text(branch), keep_last, keep_since, its->hear(), its, dropped,
                                    error);
            });
    }
    /* How many tombstones, older than a time in seconds, went in a new version. */
    std::uint64_t drop_tombstones(const std::string &branch, std::int64_t before,
                                  Progress progress = {}) const {
        return Callbacks(std::move(progress))
            .result<std::uint64_t>([&](auto *dropped, auto *its, auto *error) {
                return ips_fs_drop_tombstones(store_, c_text(branch), before, its->hear(), its, dropped,
                                              error);
            });
    }

    /* Flags: IPS_FS_ALL, with tombstones, and IPS_FS_RENAMES, of what was renamed one difference, not two:
     * `progress` hears of the search for that. */
    Differences diff(const Cid &from, const Cid &to, std::uint32_t flags = 0, Progress progress = {}) const {
        return Differences(
            Callbacks(std::move(progress)).result<ips_iter *>([&](auto *iter, auto *its, auto *error) {
                return ips_fs_diff(store_, &from, &to, flags, its->hear(), its, iter, error);
            }));
    }
    /* A MergeConflict when there are conflicts that nobody decided. */
    Merge merge(const std::string &branch, const Cid &theirs, const MergeOptions &options = {}) const {
        ips_fs_merge_options raw = options.raw();
        Merge merge{0, {}, {}};
        ips_iter *iter = nullptr;
        ips_error error;
        Judge judge(options);
        ips_status status = ips_fs_merge(store_, c_text(branch), &theirs, &raw, judge.hear(),
                                         judge.callback(), &judge, &merge.outcome, &merge.version, &iter,
                                         &error);
        merge.conflicts = Conflict::all(iter);
        judge.settle();
        if (status == IPS_CONFLICT && !merge.conflicts.empty())
            throw MergeConflict(error, std::move(merge.conflicts));
        if (status != IPS_OK)
            throw Error(status, error);
        return merge;
    }
    /* Two versions merged into a tree that is open, for conflicts that are decided by hand: where nobody has
     * decided, it has what `ours` has. Commit it to a branch that is at `ours`. */
    std::pair<Tree, std::vector<Conflict>> open_merge(const Cid &ours, const Cid &theirs,
                                                      const MergeOptions &options = {}) const {
        ips_fs_merge_options raw = options.raw();
        ips_iter *iter = nullptr;
        ips_fs *fs = nullptr;
        ips_error error;
        Judge judge(options);
        ips_status status = ips_fs_merge_open(store_, &ours, &theirs, &raw, judge.hear(), judge.callback(),
                                              &judge, &fs, &iter, &error);
        std::vector<Conflict> conflicts = Conflict::all(iter);
        judge.settle();
        if (status != IPS_OK)
            throw Error(status, error);
        return {Tree(fs), std::move(conflicts)};
    }
    /* One tree over another, as the layers of images are. A commit of it is one to a new branch. */
    Tree overlay(const Cid &layer, const Cid &base, Progress progress = {}) const {
        return Tree(Callbacks(std::move(progress)).result<ips_fs *>([&](auto *fs, auto *its, auto *error) {
            return ips_fs_overlay(store_, &layer, &base, its->hear(), its, fs, error);
        }));
    }

    /* A directory of the host, as the newest version of a branch; NULL: held for the handle's owner. A
     * LostRace when the branch was moved meanwhile. */
    ips_fs_import_report import(const std::string &directory, const char *branch,
                                const ips_fs_import_options *options = nullptr, Watch watch = {}) const {
        ips_fs_import_report report = IPS_FS_IMPORT_REPORT_INIT;
        ips_error error;
        ips_status status = ips_fs_import(store_, c_text(directory), branch, options, watch.hear(),
                                          watch.hear_trouble(), &watch, &report, &error);
        watch.settle();
        if (status == IPS_CONFLICT && report.version.digest_length > 0)
            throw LostRace(error, report.version);
        if (status != IPS_OK)
            throw Error(status, error);
        return report;
    }
    /* What a version, tree or directory has at a path, to a directory of the host. */
    ips_fs_export_report export_to(const Cid &tree, const std::string &directory, Bytes path = "/",
                                   const ips_fs_export_options *options = nullptr, Watch watch = {}) const {
        ips_fs_export_report report = IPS_FS_EXPORT_REPORT_INIT;
        ips_error error;
        ips_status status =
            ips_fs_export(store_, &tree, path, c_text(directory), options, watch.hear(),
                          watch.hear_trouble(), &watch, &report, &error);
        watch.settle();
        if (status != IPS_OK)
            throw Error(status, error);
        return report;
    }

private:
    std::map<std::string, Cid> named(const std::string &prefix) const {
        std::map<std::string, Cid> found;
        Roots roots(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_root_list(store_, prefix.c_str(), iter, error); }));
        for (const ips_root &root : roots) {
            const std::string name = root.name;
            if (name.compare(0, prefix.size(), prefix) != 0)
                break;
            found.emplace(name.substr(prefix.size()), root.cid);
        }
        return found;
    }
    History history_by(const Cid &version, const ips_bytes *path) const {
        return History(result<ips_iter *>(
            [&](auto *iter, auto *error) { return ips_fs_history(store_, &version, path, iter, error); }));
    }
    std::shared_ptr<void> of_;
    ips_store *store_;
};

} // namespace ips

#endif
