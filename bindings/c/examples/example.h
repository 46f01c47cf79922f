/* What the examples share: they stop with a sentence when a call fails. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <ipldstore.h>

#include <stdio.h>
#include <stdlib.h>

static ips_error error;

/* Runs a call, and ends the program with its error when it is not IPS_OK. */
#define MUST(call)                                                                               \
    do {                                                                                         \
        ips_status status_ = (call);                                                             \
        if (status_ != IPS_OK) {                                                                 \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, ips_strerror(status_), error.message); \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

/* Ends the program when something is not as the example says. */
#define SHOULD(condition)                                                     \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                          \
        }                                                                     \
    } while (0)

/* The place for the example's store: its first argument. */
static inline const char *place(int count, char **arguments) {
    if (count < 2) {
        fprintf(stderr, "usage: %s NEW-STORE\n", count > 0 ? arguments[0] : "example");
        exit(2);
    }
    return arguments[1];
}

static inline void print_cid(const char *what, const ips_cid *cid) {
    char text[IPS_CID_TEXT_SIZE];
    MUST(ips_cid_format(cid, 0, text, sizeof text, NULL, &error));
    printf("%s %s\n", what, text);
}

#endif
