// For Eva, which knows no interrupts and not GCC's atomic functions.
#define __atomic_load_n(pointer, order) (*(pointer))
#define __atomic_store_n(pointer, value, order) ((void)(*(pointer) = (value)))
#define __atomic_thread_fence(order) ((void)0)
