/*
 * Who hears of imports and exports, for ipldstore_fs.hpp; and removing directories.
 */
#ifndef IPLDSTORE_TRANSFER_HPP
#define IPLDSTORE_TRANSFER_HPP

#include "ipldstore_base.hpp"

namespace ips {

/* Functions that hear of one call, and stop it with false, with an Error of IPS_CANCELLED. What they throw is
 * thrown again by settle. */
class Watch {
public:
    using Progress = std::function<bool(const ips_fs_transfer &done)>;
    /* What of an entry the host does not let be as it is. */
    using Trouble = std::function<bool(const ips_fs_trouble &trouble)>;
    Watch() = default;
    explicit Watch(Progress progress, Trouble trouble = {})
        : progress_(std::move(progress)), trouble_(std::move(trouble)) {}

    /* Of a call that counts one thing only. */
    static Watch counting(ips::Progress count, Trouble trouble = {}) {
        Watch watch({}, std::move(trouble));
        watch.count_ = std::move(count);
        return watch;
    }

    ips_fs_progress hear() const { return progress_ ? heard : nullptr; }
    ips_progress hear_count() const { return count_ ? counted : nullptr; }
    ips_fs_on_trouble hear_trouble() const { return trouble_ ? heard_trouble : nullptr; }
    void settle() {
        if (thrown_)
            std::rethrow_exception(std::exchange(thrown_, nullptr));
    }

private:
    static ips_status heard(void *context, const ips_fs_transfer *done) {
        Watch &its = *static_cast<Watch *>(context);
        return its.guard([&] { return its.progress_(*done); });
    }
    static ips_status counted(void *context, std::uint64_t done) {
        Watch &its = *static_cast<Watch *>(context);
        return its.guard([&] { return its.count_(done); });
    }
    static ips_status heard_trouble(void *context, const ips_fs_trouble *trouble) {
        Watch &its = *static_cast<Watch *>(context);
        return its.guard([&] { return its.trouble_(*trouble); });
    }
    template <typename Body> ips_status guard(Body &&body) noexcept {
        try {
            return body() ? IPS_OK : IPS_CANCELLED;
        } catch (...) {
            thrown_ = std::current_exception();
            return 2;
        }
    }
    Progress progress_;
    Trouble trouble_;
    ips::Progress count_;
    std::exception_ptr thrown_;
};

/* Removes a directory of the host with all that is in it, or a file: what an export made, say. `progress`
 * hears of the entries that went. */
inline void remove_directory(const std::string &directory, Watch::Trouble trouble = {},
                             Progress progress = {}) {
    Watch watch = Watch::counting(std::move(progress), std::move(trouble));
    ips_error error;
    ips_status status = ips_fs_remove_directory(c_text(directory), watch.hear_count(), watch.hear_trouble(),
                                                &watch, &error);
    watch.settle();
    if (status != IPS_OK)
        throw Error(status, error);
}

} // namespace ips

#endif
