/* An allocator of which one large allocation fails. */
#ifndef FAILS_ONCE_H
#define FAILS_ONCE_H

#include <stdlib.h>

/* After so many large allocations (64 KiB and more) the next one fails, once. */
void fail_after(long allocations);

/* Whether one has failed since; none does from now on. */
int failed(void);

#endif
