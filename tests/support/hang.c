/* A share that hangs, for the tests: calls about paths that hold "/hangs/" or end in "/hangs" do not come back as long as
   the file $HANG_WHILE is there. Everything else goes to the C library. Loaded with LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for(const char *path) {
    const char *flag = getenv("HANG_WHILE");
    size_t length = path ? strlen(path) : 0;
    int is_far = path && (strstr(path, "/hangs/") || (length >= 6 && !strcmp(path + length - 6, "/hangs")));
    if (!flag || !is_far) return;
    while (syscall(SYS_faccessat, AT_FDCWD, flag, F_OK) == 0) {
        struct timespec pause = {0, 5000000};
        nanosleep(&pause, NULL);
    }
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    wait_for(path);
    return NEXT(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    wait_for(path);
    return NEXT(open64)(path, flags, mode);
}

int statx(int folder, const char *restrict path, int flags, unsigned mask, struct statx *restrict out) {
    wait_for(path);
    return NEXT(statx)(folder, path, flags, mask, out);
}

char *realpath(const char *restrict path, char *restrict out) {
    wait_for(path);
    return NEXT(realpath)(path, out);
}

int inotify_add_watch(int queue, const char *path, unsigned mask) {
    wait_for(path);
    return ((int (*)(int, const char *, unsigned))dlsym(RTLD_NEXT, "inotify_add_watch"))(queue, path, mask);
}
