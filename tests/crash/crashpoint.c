/* crashpoint: counts the file-changing libc calls below one folder, and breaks one of them.
 *
 * Preloaded. A forked child arms itself with crash_arm(); a program that is exec'd is armed by the environment:
 * CRASH_ROOT, CRASH_AT, CRASH_MODE, CRASH_ERRNO, CRASH_FLAGS, CRASH_LOG, and CRASH_COUNTER, a file that all its processes share.
 *
 * Modes: 0 only count; 1 kill before call N; 2 kill after it; 3 do half of the write, then kill;
 *        4 call N fails; 5 every call from N on fails; 6 half of the write is done and reported;
 *        7 just before call N "the user" saves a file (crash_save says what and how).
 * Flags: 1 renameat2 with flags is not supported (EINVAL), as on NFS, FUSE or NTFS.
 *        2 a failure strikes only calls that need room on the disk (a full disk can still rename, remove, shorten, and open what is there).
 *
 * The log has one line a call that succeeded: kind, path, second path, two numbers, bytes in hexadecimal; separated by tabs.
 * Not seen: stores through mmap (SQLite's WAL index, which it rebuilds), io_uring, statically linked programs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT, BEFORE, AFTER, TORN, FAIL, STICKY, SHORT, SAVE };
enum { GO, STOP, THEN_DIE, HALF_DIE, HALF };
#define NO_RENAMEAT2 1
#define ONLY_ROOM 2

static char root[PATH_MAX];
static size_t root_length;
static long target = -1;
static int mode, number, flags, log_handle = -1;
static long own_counter[2];
static volatile long *counter = own_counter; /* calls so far, and whether the target was met */
static char save_path[PATH_MAX], save_data[4096];
static long save_size;
static int save_style;

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

void crash_arm(const char *folder, long at, int how, int error, int options, int log) {
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    target = at, mode = how, number = error, flags = options, log_handle = log;
    own_counter[0] = own_counter[1] = 0;
    counter = own_counter;
}
void crash_save(const char *path, const char *data, long size, int style) {
    snprintf(save_path, sizeof save_path, "%s", path);
    memcpy(save_data, data, save_size = size < 4096 ? size : 4096);
    save_style = style;
}
void crash_disarm(void) { root_length = 0; }
long crash_calls(void) { return counter[0]; }
long crash_met(void) { return counter[1]; }

static long setting(const char *name, long otherwise) { const char *value = getenv(name); return value ? atol(value) : otherwise; }

__attribute__((constructor)) static void start(void) {
    const char *folder = getenv("CRASH_ROOT"), *shared = getenv("CRASH_COUNTER"), *log = getenv("CRASH_LOG");
    if (!folder) return;
    int handle = log ? syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    crash_arm(folder, setting("CRASH_AT", -1), setting("CRASH_MODE", 0), setting("CRASH_ERRNO", EIO), setting("CRASH_FLAGS", 0), handle);
    if (shared) {
        int file = syscall(SYS_openat, AT_FDCWD, shared, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        syscall(SYS_ftruncate, file, 4096);
        void *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (page != MAP_FAILED) counter = page;
        syscall(SYS_close, file);
    }
}

/* ---- where a call goes */
static int below(const char *path) {
    return root_length && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}
static int handle_path(int handle, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t size = readlink(link, out, PATH_MAX - 1);
    out[size < 0 ? 0 : size] = 0;
    return size > 0 && below(out);
}
static int name_path(int folder, const char *name, char *out) {
    if (!root_length || !name) return 0;
    if (name[0] == '/') { snprintf(out, PATH_MAX, "%s", name); return below(out); }
    char above[PATH_MAX] = "";
    if (folder == AT_FDCWD) { if (!getcwd(above, sizeof above)) return 0; }
    else handle_path(folder, above);
    while (!strncmp(name, "./", 2)) name += 2;
    if (snprintf(out, PATH_MAX, "%s/%s", above, name) >= PATH_MAX) return 0;
    return below(out);
}

/* ---- what happens to it */
static void die(void) { syscall(SYS_kill, syscall(SYS_getpid), SIGKILL); for (;;) pause(); }
static void user_saves(void) {
    char beside[PATH_MAX + 8];
    if (save_style == 2) { syscall(SYS_unlinkat, AT_FDCWD, save_path, 0); return; }
    snprintf(beside, sizeof beside, "%s%s", save_path, save_style == 1 ? ".swp" : "");
    int file = syscall(SYS_openat, AT_FDCWD, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return;
    if (syscall(SYS_write, file, save_data, save_size) < 0) die();
    syscall(SYS_close, file);
    if (save_style == 1) syscall(SYS_renameat2, AT_FDCWD, beside, AT_FDCWD, save_path, 0);
}
static int enter(int is_write, int needs_room) {
    long now = __sync_add_and_fetch(&counter[0], 1);
    int hit = now == target || (mode == STICKY && target > 0 && now > target);
    if (!hit || mode == COUNT) return GO;
    if ((mode == FAIL || mode == STICKY) && (flags & ONLY_ROOM) && !needs_room) return GO;
    counter[1] = 1;
    switch (mode) {
    case BEFORE: die();
    case AFTER: return THEN_DIE;
    case TORN: return is_write ? HALF_DIE : THEN_DIE;
    case SHORT: return is_write ? HALF : GO;
    case SAVE: user_saves(); return GO;
    default: errno = number; return STOP;
    }
}
static void note(const char *kind, const char *a, const char *b, long x, long y, const void *data, size_t size) {
    if (log_handle < 0) return;
    size_t room = strlen(a) + strlen(b) + 2 * size + 128;
    char *line = malloc(room);
    int at = snprintf(line, room, "%s\t%s\t%s\t%ld\t%ld\t", kind, a, b, x, y);
    for (size_t i = 0; i < size; i++) at += sprintf(line + at, "%02x", ((const unsigned char *)data)[i]);
    line[at++] = '\n';
    for (int done = 0; done < at;) {
        long wrote = syscall(SYS_write, log_handle, line + done, at - done);
        if (wrote <= 0) break;
        done += wrote;
    }
    free(line);
}
static long mode_of(const char *path) {
    struct stat info;
    return fstatat(AT_FDCWD, path, &info, AT_SYMLINK_NOFOLLOW) ? 0 : (long)(info.st_mode & 07777);
}
#define RETURN(act, result) do { int kept = errno; if ((act) == THEN_DIE || (act) == HALF_DIE) die(); errno = kept; return (result); } while (0)

/* ---- opening */
static int opened(int (*go)(int, const char *, int, mode_t), int folder, const char *name, int how, mode_t bits) {
    char path[PATH_MAX];
    struct stat info;
    if (!(how & (O_CREAT | O_TRUNC)) || (how & O_TMPFILE) == O_TMPFILE || !name_path(folder, name, path)) return go(folder, name, how, bits);
    int there = fstatat(AT_FDCWD, path, &info, 0) == 0;
    int act = enter(0, !there);
    if (act == STOP) return -1;
    int result = go(folder, name, how, bits);
    if (result >= 0 && !there) note("create", path, "", mode_of(path), 0, "", 0);
    else if (result >= 0 && (how & O_TRUNC) && info.st_size) note("trunc", path, "", 0, 0, "", 0);
    RETURN(act, result);
}
static int go_openat(int f, const char *n, int h, mode_t b) { REAL(openat64); return real(f, n, h, b); }
static int go_open(int f, const char *n, int h, mode_t b) { (void)f; REAL(open64); return real(n, h, b); }
#define BITS mode_t bits = 0; if (how & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, how); bits = va_arg(list, mode_t); va_end(list); }
int open(const char *name, int how, ...) { BITS return opened(go_open, AT_FDCWD, name, how, bits); }
int open64(const char *name, int how, ...) { BITS return opened(go_open, AT_FDCWD, name, how, bits); }
int openat(int folder, const char *name, int how, ...) { BITS return opened(go_openat, folder, name, how, bits); }
int openat64(int folder, const char *name, int how, ...) { BITS return opened(go_openat, folder, name, how, bits); }
int creat(const char *name, mode_t bits) { return opened(go_open, AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, bits); }
int creat64(const char *name, mode_t bits) { return opened(go_open, AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, bits); }
int __open_2(const char *name, int how) { return opened(go_open, AT_FDCWD, name, how, 0); }
int __open64_2(const char *name, int how) { return opened(go_open, AT_FDCWD, name, how, 0); }
int __openat_2(int folder, const char *name, int how) { return opened(go_openat, folder, name, how, 0); }
int __openat64_2(int folder, const char *name, int how) { return opened(go_openat, folder, name, how, 0); }

/* ---- writing */
static ssize_t written(int handle, const void *data, size_t size, off_t offset, int positioned) {
    REAL(write);
    static ssize_t (*at)(int, const void *, size_t, off_t);
    if (!at) at = (__typeof__(at))dlsym(RTLD_NEXT, "pwrite64");
    char path[PATH_MAX];
    if (!root_length || !handle_path(handle, path)) return positioned ? at(handle, data, size, offset) : real(handle, data, size);
    int act = enter(1, 1);
    if (act == STOP) return -1;
    off_t start = offset;
    struct stat info;
    if (!positioned) {
        start = lseek(handle, 0, SEEK_CUR);
        if ((fcntl(handle, F_GETFL) & O_APPEND) && !fstat(handle, &info)) start = info.st_size;
    }
    size_t part = act == HALF || act == HALF_DIE ? (size + 1) / 2 : size;
    ssize_t result = positioned ? at(handle, data, part, offset) : real(handle, data, part);
    if (result > 0) note("write", path, "", start, 0, data, result);
    RETURN(act, result);
}
ssize_t write(int h, const void *d, size_t s) { return written(h, d, s, 0, 0); }
ssize_t pwrite(int h, const void *d, size_t s, off_t o) { return written(h, d, s, o, 1); }
ssize_t pwrite64(int h, const void *d, size_t s, off64_t o) { return written(h, d, s, o, 1); }
static ssize_t gathered(int handle, const struct iovec *parts, int count, off_t offset, int positioned) {
    ssize_t total = 0; /* one call a part: a kernel may as well write only the first */
    for (int i = 0; i < count; i++) {
        ssize_t one = written(handle, parts[i].iov_base, parts[i].iov_len, offset + total, positioned);
        if (one < 0) return total ? total : -1;
        total += one;
        if ((size_t)one < parts[i].iov_len) break;
    }
    return total;
}
ssize_t writev(int h, const struct iovec *p, int c) { return gathered(h, p, c, 0, 0); }
ssize_t pwritev(int h, const struct iovec *p, int c, off_t o) { return gathered(h, p, c, o, 1); }
ssize_t pwritev64(int h, const struct iovec *p, int c, off64_t o) { return gathered(h, p, c, o, 1); }
/* Copies inside the kernel are refused, so that programs write bytes that can be counted and torn. */
ssize_t copy_file_range(int i, off64_t *a, int o, off64_t *b, size_t n, unsigned f) {
    REAL(copy_file_range); char path[PATH_MAX];
    if (root_length && handle_path(o, path)) { errno = EXDEV; return -1; }
    return real(i, a, o, b, n, f);
}
#define COPY(name, type) ssize_t name(int o, int i, type *at, size_t n) { \
    static ssize_t (*real)(int, int, type *, size_t); if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, #name); char path[PATH_MAX]; \
    if (root_length && handle_path(o, path)) { errno = EINVAL; return -1; } return real(o, i, at, n); }
COPY(sendfile, off_t)
COPY(sendfile64, off64_t)

/* ---- calls on a handle */
static int on_handle(const char *kind, int handle, long x, int room, int (*go)(int, long)) {
    char path[PATH_MAX];
    if (!root_length || !handle_path(handle, path)) return go(handle, x);
    int act = enter(0, room);
    if (act == STOP) return -1;
    int result = go(handle, x);
    if (!result) note(kind, path, "", x, 0, "", 0);
    RETURN(act, result);
}
static int go_ftruncate(int h, long x) { REAL(ftruncate64); return real(h, x); }
static int go_fchmod(int h, long x) { REAL(fchmod); return real(h, x); }
static int go_fsync(int h, long x) { (void)x; REAL(fsync); return real(h); }
static int go_fdatasync(int h, long x) { (void)x; REAL(fdatasync); return real(h); }
static int go_syncfs(int h, long x) { (void)x; REAL(syncfs); return real(h); }
int ftruncate(int h, off_t x) { return on_handle("trunc", h, x, 0, go_ftruncate); }
int ftruncate64(int h, off64_t x) { return on_handle("trunc", h, x, 0, go_ftruncate); }
int fchmod(int h, mode_t x) { return on_handle("chmod", h, x, 0, go_fchmod); }
int fsync(int h) { return on_handle("fsync", h, 0, 1, go_fsync); }
int fdatasync(int h) { return on_handle("fsync", h, 0, 1, go_fdatasync); }
int syncfs(int h) { return on_handle("syncfs", h, 0, 1, go_syncfs); }
/* Room is promised, not taken: the writes that follow are what counts. */
int posix_fallocate(int h, off_t o, off_t n) { REAL(posix_fallocate); char path[PATH_MAX]; return root_length && handle_path(h, path) ? EOPNOTSUPP : real(h, o, n); }
int posix_fallocate64(int h, off64_t o, off64_t n) { REAL(posix_fallocate64); char path[PATH_MAX]; return root_length && handle_path(h, path) ? EOPNOTSUPP : real(h, o, n); }
int fallocate(int h, int m, off_t o, off_t n) { REAL(fallocate); char path[PATH_MAX]; if (root_length && handle_path(h, path)) { errno = EOPNOTSUPP; return -1; } return real(h, m, o, n); }
int fallocate64(int h, int m, off64_t o, off64_t n) { REAL(fallocate64); char path[PATH_MAX]; if (root_length && handle_path(h, path)) { errno = EOPNOTSUPP; return -1; } return real(h, m, o, n); }

/* ---- calls on a name */
#define NAMED(kind, folder, name, x, room, call) \
    char path[PATH_MAX]; if (!name_path(folder, name, path)) return call; \
    int act = enter(0, room); if (act == STOP) return -1; \
    int result = call; if (!result) note(kind, path, "", x, 0, "", 0); RETURN(act, result)
int unlink(const char *n) { REAL(unlink); NAMED("unlink", AT_FDCWD, n, 0, 0, real(n)); }
int unlinkat(int f, const char *n, int h) { REAL(unlinkat); NAMED(h & AT_REMOVEDIR ? "rmdir" : "unlink", f, n, 0, 0, real(f, n, h)); }
int rmdir(const char *n) { REAL(rmdir); NAMED("rmdir", AT_FDCWD, n, 0, 0, real(n)); }
int remove(const char *n) { REAL(remove); NAMED("unlink", AT_FDCWD, n, 0, 0, real(n)); }
int mkdir(const char *n, mode_t b) { REAL(mkdir); NAMED("mkdir", AT_FDCWD, n, mode_of(path), 1, real(n, b)); }
int mkdirat(int f, const char *n, mode_t b) { REAL(mkdirat); NAMED("mkdir", f, n, mode_of(path), 1, real(f, n, b)); }
int chmod(const char *n, mode_t b) { REAL(chmod); NAMED("chmod", AT_FDCWD, n, b, 0, real(n, b)); }
int fchmodat(int f, const char *n, mode_t b, int h) { REAL(fchmodat); NAMED("chmod", f, n, b, 0, real(f, n, b, h)); }
int truncate(const char *n, off_t x) { REAL(truncate); NAMED("trunc", AT_FDCWD, n, x, 1, real(n, x)); }
int truncate64(const char *n, off64_t x) { REAL(truncate64); NAMED("trunc", AT_FDCWD, n, x, 1, real(n, x)); }

#define PAIRED(kind, f1, n1, f2, n2, x, room, call) \
    char one[PATH_MAX], two[PATH_MAX]; int a = name_path(f1, n1, one), b = name_path(f2, n2, two); if (!a && !b) return call; \
    int act = enter(0, room); if (act == STOP) return -1; \
    int result = call; if (!result) note(kind, one, two, x, 0, "", 0); RETURN(act, result)
int rename(const char *n, const char *m) { REAL(rename); PAIRED("rename", AT_FDCWD, n, AT_FDCWD, m, 0, 0, real(n, m)); }
int renameat(int f, const char *n, int g, const char *m) { REAL(renameat); PAIRED("rename", f, n, g, m, 0, 0, real(f, n, g, m)); }
int renameat2(int f, const char *n, int g, const char *m, unsigned h) {
    REAL(renameat2);
    if (h && (flags & NO_RENAMEAT2)) { errno = EINVAL; return -1; }
    PAIRED("rename", f, n, g, m, (long)h, 0, real(f, n, g, m, h));
}
int link(const char *n, const char *m) { REAL(link); PAIRED("link", AT_FDCWD, n, AT_FDCWD, m, 0, 1, real(n, m)); }
int linkat(int f, const char *n, int g, const char *m, int h) { REAL(linkat); PAIRED("link", f, n, g, m, 0, 1, real(f, n, g, m, h)); }
/* A link's target is text, not a place. */
int symlink(const char *t, const char *n) { REAL(symlink); NAMED("symlink", AT_FDCWD, n, 0, 1, real(t, n)); }
int symlinkat(const char *t, int f, const char *n) { REAL(symlinkat); NAMED("symlink", f, n, 0, 1, real(t, f, n)); }
