// For Eva, which knows no interrupts, none of GCC's atomic functions, and no assertions at compile time.
#define __atomic_load_n(pointer, order) (*(pointer))
#define __atomic_store_n(pointer, value, order) ((void)(*(pointer) = (value)))
#define __atomic_thread_fence(order) ((void)0)
#define _Static_assert(condition, text) extern int static_assertion

// Its specification of memset refuses a length of 0.
#include <string.h>
static inline void *set_some(void *place, int value, size_t size) { return size > 0 ? memset(place, value, size) : place; }
#define memset set_some
