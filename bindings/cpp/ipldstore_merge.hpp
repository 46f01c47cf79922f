/*
 * Merges, for ipldstore_fs.hpp: their options, their conflicts, and who decides them.
 */
#ifndef IPLDSTORE_MERGE_HPP
#define IPLDSTORE_MERGE_HPP

#include "ipldstore_tree.hpp"

namespace ips {

/* A path at which two sides contradict each other. */
struct Conflict {
    /* IPS_FS_BOTH_MODIFIED … */
    std::int32_t kind = 0;
    /* IPS_FS_REPORT where nobody has decided. */
    std::int32_t resolution = IPS_FS_REPORT;
    /* Of what both have: what both changed, IPS_FS_CONTENT | … */
    std::uint32_t fields = 0;
    /* And of IPS_FS_BOTH_RENAMED where theirs was, of two kept entries where theirs is now. */
    std::string path, other_path;
    /* What the common ancestor and both sides had; kind 0 where nothing was. */
    ips_fs_entry base = IPS_FS_ENTRY_INIT, ours = IPS_FS_ENTRY_INIT, theirs = IPS_FS_ENTRY_INIT;

    Conflict() = default;
    /* Of what a callback is asked about. */
    explicit Conflict(const ips_fs_conflict &asked)
        : kind(asked.kind), fields(asked.fields), path(text(asked.path)), other_path(text(asked.other_path)) {
        if (asked.base != nullptr)
            base = *asked.base;
        if (asked.ours != nullptr)
            ours = *asked.ours;
        if (asked.theirs != nullptr)
            theirs = *asked.theirs;
    }
    /* All conflicts of an iterator, which is given back; none of NULL. */
    static std::vector<Conflict> all(ips_iter *iter) {
        std::unique_ptr<ips_iter, void (*)(ips_iter *)> closing(iter, ips_iter_close);
        std::vector<Conflict> found;
        std::array<std::string, 2> paths;
        Conflict next;
        while (iter != nullptr && fitted(paths, [&](std::size_t *lengths, auto *error) {
                   std::string &path = paths[0], &other = paths[1];
                   return ips_iter_next_conflict(iter, &next.kind, &next.resolution, &next.fields,
                                                 path.data(), path.size(), &lengths[0], other.data(),
                                                 other.size(), &lengths[1], &next.base, &next.ours,
                                                 &next.theirs, error);
               })) {
            next.path = paths[0];
            next.other_path = paths[1];
            found.push_back(next);
        }
        return found;
    }

private:
    static std::string text(ips_bytes bytes) {
        return bytes.len == 0 ? std::string() : std::string(static_cast<const char *>(bytes.data), bytes.len);
    }
};

/* A merge that changed nothing, because there are conflicts that nobody decided. */
class MergeConflict : public Error {
public:
    MergeConflict(const ips_error &error, std::vector<Conflict> conflicts)
        : Error(IPS_CONFLICT, error), conflicts_(std::move(conflicts)) {}
    const std::vector<Conflict> &conflicts() const noexcept { return conflicts_; }

private:
    std::vector<Conflict> conflicts_;
};

/* IPS_FS_MERGED …, the branch's newest version now, and the conflicts that were decided. */
struct Merge {
    std::int32_t outcome;
    Cid version;
    std::vector<Conflict> conflicts;
};

/* Decides a conflict: IPS_FS_OURS, IPS_FS_THEIRS or IPS_FS_BOTH; IPS_FS_REPORT leaves it open. */
using Decide = std::function<std::int32_t(const Conflict &conflict)>;

/* How versions are merged. */
struct MergeOptions {
    /* IPS_FS_REPORT …; not looked at where `decide` is. */
    std::int32_t policy = IPS_FS_REPORT;
    Decide decide = {};
    /* Of the version that is made. */
    std::string message = {}, author = {};
    /* What the second of two kept entries ends in, behind a dot. */
    std::string suffix = "theirs";
    /* A version is made even where the branch could just move. */
    bool always_version = false;
    /* Hears of the blocks that were read. */
    Progress progress = {};

    /* For a call, which these options outlive. */
    ips_fs_merge_options raw() const {
        ips_fs_merge_options raw = IPS_FS_MERGE_OPTIONS_INIT;
        raw.policy = decide ? static_cast<std::int32_t>(IPS_FS_ASK) : policy;
        raw.flags = always_version ? static_cast<std::uint32_t>(IPS_FS_ALWAYS_VERSION) : 0;
        raw.suffix = c_text(suffix);
        raw.message = c_text(message);
        raw.author = c_text(author);
        return raw;
    }
};

/* Who decides the conflicts of one call, and hears of it; what that threw is thrown again by settle. */
class Judge {
public:
    explicit Judge(const MergeOptions &options) : options_(options) {}
    ips_fs_decide callback() const { return options_.decide ? decided : nullptr; }
    ips_progress hear() const { return options_.progress ? heard : nullptr; }
    void settle() {
        if (thrown_)
            std::rethrow_exception(std::exchange(thrown_, nullptr));
    }

private:
    static ips_status decided(void *context, const ips_fs_conflict *conflict, std::int32_t *resolution) {
        Judge &its = *static_cast<Judge *>(context);
        return its.guard([&] {
            *resolution = its.options_.decide(Conflict(*conflict));
            return true;
        });
    }
    static ips_status heard(void *context, std::uint64_t done) {
        Judge &its = *static_cast<Judge *>(context);
        return its.guard([&] { return its.options_.progress(done); });
    }
    template <typename Body> ips_status guard(Body &&body) noexcept {
        try {
            return body() ? IPS_OK : IPS_CANCELLED;
        } catch (...) {
            thrown_ = std::current_exception();
            return 2;
        }
    }
    const MergeOptions &options_;
    std::exception_ptr thrown_;
};

} // namespace ips

#endif
