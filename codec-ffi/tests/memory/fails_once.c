/*
 * The C library's allocator, of which one large allocation fails. Linked into a program, or preloaded into one:
 *
 *     cc -shared -fPIC fails_once.c -o fails_once.so && LD_PRELOAD=./fails_once.so program
 */
#include "fails_once.h"

#include <errno.h>
#include <stdatomic.h>

/* Allocations of fewer bytes never fail. */
enum { LARGE = 1 << 16 };

/* Of glibc, which leaves malloc and its kin to be replaced. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *before, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

/* Large allocations until the one that fails; below 0 after it, or where none is to. */
static atomic_long left = -1;
static atomic_int has_failed;

void fail_after(long allocations) {
    atomic_store(&has_failed, 0);
    atomic_store(&left, allocations);
}

int failed(void) {
    atomic_store(&left, -1);
    return atomic_load(&has_failed);
}

static int fails(size_t size) {
    long before;
    if (size < LARGE) return 0;
    before = atomic_load(&left);
    while (before >= 0 && !atomic_compare_exchange_weak(&left, &before, before - 1)) {}
    if (before != 0) return 0;
    atomic_store(&has_failed, 1);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return fails(size) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
    if (size != 0 && count > (size_t)-1 / size) return NULL;
    return fails(count * size) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *before, size_t size) { return fails(size) ? NULL : __libc_realloc(before, size); }

void *aligned_alloc(size_t alignment, size_t size) { return fails(size) ? NULL : __libc_memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    void *found = fails(size) ? NULL : __libc_memalign(alignment, size);
    if (found == NULL) return ENOMEM;
    *memory = found;
    return 0;
}
