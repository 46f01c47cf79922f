/*
 * What ipldstore.hpp is made of: errors, bytes, CIDs, callbacks and the forms of handles.
 */
#ifndef IPLDSTORE_BASE_HPP
#define IPLDSTORE_BASE_HPP

#include <ipldstore.h>

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ips {

/* Why a call failed. */
class Error : public std::runtime_error {
public:
    Error(ips_status status, const ips_error &error)
        : std::runtime_error(error.message), status_(status), os_errno_(error.os_errno) {}
    /* IPS_…, negative. */
    ips_status status() const noexcept { return status_; }
    /* The errno behind it, or 0. */
    int os_errno() const noexcept { return os_errno_; }

private:
    ips_status status_;
    int os_errno_;
};

/* A text as C takes it. A NUL within would end it there, and name something else: IPS_INVALID. */
inline const char *c_text(const std::string &text) {
    if (text.find('\0') != std::string::npos) {
        ips_error error = {};
        std::string_view("a text has a NUL in it").copy(error.message, sizeof error.message - 1);
        throw Error(IPS_INVALID, error);
    }
    return text.c_str();
}

/* What the library that runs was built with, in one line for bug reports, and its version: "0.1.0". */
inline std::string build_info() { return ips_build_info(); }
inline std::string library_version() { return ips_version_string(); }

/* Makes a call, which gets a place for its error; whether there was one more, for those that end. */
template <typename Call> bool call(Call &&body) {
    ips_error error;
    ips_status status = body(&error);
    if (status != IPS_OK && status != IPS_END)
        throw Error(status, error);
    return status == IPS_OK;
}

/* What a call writes to its output. */
template <typename Value, typename Call> Value result(Call &&body, Value value = {}) {
    call([&](auto *error) { return body(&value, error); });
    return value;
}

/* Bytes to read: a string, a vector, or anything else that is contiguous, of elements that are no more than
 * their bytes. They are needed during the call. An array of characters gives all that it has, less one NUL
 * at its end: of a literal that is the text; of a buffer that is longer than its text, give a pointer. */
class Bytes {
    template <typename Element>
    static constexpr bool is_character = std::is_same_v<Element, char>
#ifdef __cpp_char8_t
                                         || std::is_same_v<Element, char8_t>
#endif
        ;

public:
    Bytes(const void *data, std::size_t size) : bytes_{data, size} {}
    /* A text, up to its NUL. A template, since an array would become a pointer before it became itself. */
    template <typename Character, typename = std::enable_if_t<std::is_same_v<Character, char>>>
    Bytes(const Character *const &text) : Bytes(std::string_view(text)) {}
    template <typename Character, std::size_t count, typename = std::enable_if_t<is_character<Character>>>
    Bytes(const Character (&array)[count])
        : bytes_{array, array[count - 1] == Character() ? count - 1 : count} {}
    template <typename Range, typename = decltype(std::data(std::declval<const Range &>()))>
    Bytes(const Range &range) : bytes_{std::data(range), std::size(range) * sizeof(*std::data(range))} {
        using Element = std::remove_cv_t<std::remove_pointer_t<decltype(std::data(range))>>;
        static_assert(std::is_trivially_copyable_v<Element> && !std::is_pointer_v<Element> &&
                          !std::is_same_v<Element, std::string_view>,
                      "the elements have their bytes elsewhere: only their addresses would be stored");
    }
    operator ips_bytes() const noexcept { return bytes_; }

private:
    ips_bytes bytes_;
};

/* A CID: a plain value. */
struct Cid : ips_cid {
    Cid() : ips_cid() {}
    Cid(const ips_cid &cid) : ips_cid(cid) {}
    explicit Cid(const std::string &text) {
        call([&](auto *error) { return ips_cid_parse(c_text(text), this, error); });
    }
    static Cid of_block(Bytes block, std::uint64_t codec = IPS_CODEC_RAW,
                        std::uint64_t hash = IPS_HASH_BLAKE3) {
        return result<Cid>(
            [&](auto *cid, auto *error) { return ips_cid_of_block(block, codec, hash, cid, error); });
    }
    static Cid from_bytes(Bytes bytes) {
        return result<Cid>([&](auto *cid, auto *error) { return ips_cid_from_bytes(bytes, cid, error); });
    }
    std::string text(char base = 0) const {
        char text[IPS_CID_TEXT_SIZE];
        std::size_t length = 0;
        call([&](auto *error) { return ips_cid_format(this, base, text, sizeof text, &length, error); });
        return {text, length};
    }
    std::string bytes() const {
        char bytes[IPS_CID_BINARY_SIZE];
        std::size_t length = 0;
        call([&](auto *error) { return ips_cid_to_bytes(this, bytes, sizeof bytes, &length, error); });
        return {bytes, length};
    }
    friend bool operator==(const Cid &a, const Cid &b) { return ips_cid_compare(&a, &b) == 0; }
    friend bool operator!=(const Cid &a, const Cid &b) { return ips_cid_compare(&a, &b) != 0; }
    friend bool operator<(const Cid &a, const Cid &b) { return ips_cid_compare(&a, &b) < 0; }
    friend std::ostream &operator<<(std::ostream &stream, const Cid &cid) { return stream << cid.text(); }
};

/* Hears how far a long call is; false stops it, with an Error of IPS_CANCELLED. */
using Progress = std::function<bool(std::uint64_t done)>;
/* Writes up to `capacity` bytes to `buffer` and says how many; 0: the data has ended. */
using Source = std::function<std::size_t(void *buffer, std::size_t capacity)>;
/* Takes bytes that were read, in order. */
using Sink = std::function<void(const void *data, std::size_t length)>;

/* The functions that one call uses, as C callbacks. */
struct Callbacks {
    explicit Callbacks(Progress progress, Source source = {}, Sink sink = {})
        : progress_(std::move(progress)), source_(std::move(source)), sink_(std::move(sink)) {}

    ips_progress hear() const { return progress_ ? hear_ : nullptr; }
    static ips_status give(void *context, void *buffer, std::size_t capacity, std::size_t *got) {
        return static_cast<Callbacks *>(context)->guard([&](Callbacks &its) {
            *got = its.source_(buffer, capacity);
            return IPS_OK;
        });
    }
    static ips_status take(void *context, const void *data, std::size_t length) {
        return static_cast<Callbacks *>(context)->guard([&](Callbacks &its) {
            its.sink_(data, length);
            return IPS_OK;
        });
    }
    /* As ips::call; what a function threw is thrown in place of what the call says of it. */
    template <typename Call> bool call(Call &&body) {
        ips_error error;
        ips_status status = body(this, &error);
        settle();
        if (status != IPS_OK && status != IPS_END)
            throw Error(status, error);
        return status == IPS_OK;
    }
    template <typename Value, typename Call> Value result(Call &&body, Value value = {}) {
        call([&](auto *its, auto *error) { return body(&value, its, error); });
        return value;
    }
    /* Throws what a function threw. */
    void settle() {
        if (thrown_)
            std::rethrow_exception(std::exchange(thrown_, nullptr));
    }

private:
    static ips_status hear_(void *context, std::uint64_t done) {
        return static_cast<Callbacks *>(context)->guard(
            [&](Callbacks &its) { return its.progress_(done) ? IPS_OK : IPS_CANCELLED; });
    }
    template <typename Body> ips_status guard(Body &&body) noexcept {
        try {
            return body(*this);
        } catch (...) {
            thrown_ = std::current_exception();
            return 2;
        }
    }
    Progress progress_;
    Source source_;
    Sink sink_;
    std::exception_ptr thrown_;
};

/* What a progress needs that is heard for as long as the library has a handle. */
struct Observed {
    std::unique_ptr<Callbacks> observer_;

protected:
    explicit Observed(Progress progress) : observer_(std::make_unique<Callbacks>(std::move(progress))) {}
    template <typename Call> void observed(Call &&body) {
        observer_->call([&](auto *, auto *error) { return body(error); });
    }
};

/* A handle, given back at its end; what ends with another handle keeps that until then. Moved, not copied. */
template <typename Object, void (*give_back)(Object *)> class Handle {
public:
    Object *get() const noexcept { return object_.get(); }

protected:
    explicit Handle(Object *object, std::shared_ptr<void> of = {})
        : of_(std::move(of)), object_(object, give_back) {}
    Handle(Handle &&) noexcept = default;
    Handle &operator=(Handle &&) noexcept = default;
    ~Handle() = default;
    /* For what ends with this handle. */
    std::shared_ptr<void> kept() const noexcept { return object_; }

private:
    std::shared_ptr<void> of_;
    std::shared_ptr<Object> object_;
};

/* An input iterator over what `next` of a sequence gives until it gives nothing. */
template <typename Sequence, typename Value> class Iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using pointer = const Value *;
    using reference = const Value &;
    explicit Iterator(Sequence *sequence) : sequence_(sequence) { ++*this; }
    Iterator() = default;
    reference operator*() const { return *value_; }
    pointer operator->() const { return &*value_; }
    Iterator &operator++() {
        value_ = sequence_->next();
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator &a, const Iterator &b) { return !a.value_ && !b.value_; }
    friend bool operator!=(const Iterator &a, const Iterator &b) { return !(a == b); }

private:
    Sequence *sequence_ = nullptr;
    std::optional<Value> value_;
};

/* What an iterator of the library's finds, for one range-based loop. */
template <typename Value, ips_status (*next_value)(ips_iter *, Value *, ips_error *)> class Sequence
    : public Handle<ips_iter, ips_iter_close> {
public:
    using iterator = Iterator<Sequence, Value>;
    explicit Sequence(ips_iter *iter) : Handle(iter) {}
    /* The next one, or nothing at the end. */
    std::optional<Value> next() {
        Value value;
        bool is_there = call([&](auto *error) { return next_value(get(), &value, error); });
        return is_there ? std::optional<Value>(value) : std::nullopt;
    }
    iterator begin() { return iterator(this); }
    iterator end() { return iterator(); }
};

/* Makes a call that fills texts and tells their lengths; they grow until they are large enough. Whether there
 * was one more. */
template <std::size_t count, typename Call>
bool fitted(std::array<std::string, count> &texts, Call &&body) {
    for (std::string &text : texts)
        text.resize(std::max<std::size_t>(text.capacity(), 256));
    for (;;) {
        ips_error error;
        std::array<std::size_t, count> lengths{};
        ips_status status = body(lengths.data(), &error);
        bool is_longer = false;
        for (std::size_t i = 0; i < count; i++)
            is_longer = is_longer || lengths[i] > texts[i].size();
        if (status == IPS_BUFFER_TOO_SMALL && !is_longer)
            throw Error(status, error);
        if (status != IPS_OK && status != IPS_END && status != IPS_BUFFER_TOO_SMALL)
            throw Error(status, error);
        for (std::size_t i = 0; i < count; i++)
            texts[i].resize(is_longer ? std::max(lengths[i], texts[i].size()) : lengths[i]);
        if (!is_longer)
            return status == IPS_OK;
    }
}

/* All of what a call writes to a buffer, whose length it tells when the buffer is too small. */
template <typename Read> std::string whole(Read &&read) {
    std::string bytes(65536, '\0');
    for (;;) {
        ips_error error;
        std::size_t length = 0;
        ips_status status = read(bytes.data(), bytes.size(), &length, &error);
        if (status == IPS_BUFFER_TOO_SMALL && length > bytes.size()) {
            bytes.resize(length);
            continue;
        }
        if (status != IPS_OK)
            throw Error(status, error);
        bytes.resize(length);
        return bytes;
    }
}

inline ips_status next_change(ips_iter *iter, ips_change *change, ips_error *error) {
    return ips_iter_next_change(iter, change, nullptr, nullptr, error);
}

using Links = Sequence<ips_cid, ips_iter_next_cid>;
using Roots = Sequence<ips_root, ips_iter_next_root>;
using Holds = Sequence<ips_hold, ips_iter_next_hold>;
using Bases = Sequence<ips_base, ips_iter_next_base>;
using Forks = Sequence<ips_fork, ips_iter_next_fork>;
using Problems = Sequence<ips_problem, ips_iter_next_problem>;

/* The changes between two files. */
class Changes : public Sequence<ips_change, next_change> {
public:
    using Sequence::next;
    using Sequence::Sequence;
    /* `progress` hears of the bytes of the new file that are dealt with; when it stops the call, the next one
     * goes on. */
    std::optional<ips_change> next(Progress progress) {
        ips_change change;
        bool is_there = Callbacks(std::move(progress)).call([&](auto *its, auto *error) {
            return ips_iter_next_change(get(), &change, its->hear(), its, error);
        });
        return is_there ? std::optional<ips_change>(change) : std::nullopt;
    }
};

} // namespace ips

#endif
