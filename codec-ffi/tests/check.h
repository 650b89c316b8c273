/* Counts checks, and prints those that fail. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int checks, failures;

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        checks++;                                                                         \
        if (!(condition)) {                                                               \
            failures++;                                                                   \
            printf("  failed: %s:%d: %s\n", __FILE__, __LINE__, #condition);              \
        }                                                                                 \
    } while (0)

/* Checks a status and shows the one that came instead. */
#define EXPECT(status, call)                                                              \
    do {                                                                                  \
        int32_t found_ = (call);                                                          \
        checks++;                                                                         \
        if (found_ != (status)) {                                                         \
            failures++;                                                                   \
            printf("  failed: %s:%d: %s gave %d (%s), not %d\n", __FILE__, __LINE__,      \
                   #call, (int)found_, ncodec_status_name(found_), (int)(status));        \
        }                                                                                 \
    } while (0)

#endif
