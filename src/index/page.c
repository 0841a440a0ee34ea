/* SPDX-License-Identifier: Apache-2.0 */
/* The page DIR/current: checking, mapping, heartbeat. */
#include "index/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "index/files.h"
#include "index/index.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the index is little-endian"
#endif

enum pn_err
pn_index_page_check(struct pn_str bytes)
{
    struct pn_index_page page;

    if (bytes.len != sizeof(page)) {
        return PN_E_DAMAGED;
    }
    memcpy(&page, bytes.ptr, sizeof(page));
    if (memcmp(page.magic, PN_INDEX_PAGE_MAGIC, sizeof(page.magic)) != 0) {
        return PN_E_DAMAGED;
    }
    if (page.format != PN_INDEX_FORMAT) {
        return PN_E_VERSION;
    }
    if (page.page_len != PN_INDEX_PAGE_LEN || page.unused != 0) {
        return PN_E_DAMAGED;
    }
    for (size_t i = 0; i < sizeof(page.zero); i++) {
        if (page.zero[i] != 0) {
            return PN_E_DAMAGED;
        }
    }
    return PN_OK;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
pn_index_boot_read(struct pn_index_boot *out)
{
    char text[64] = "";
    unsigned digits = 0;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    memset(out, 0, sizeof(*out));
    for (ssize_t i = 0; i < len && digits < 32; i++) {
        int value = hex_digit(text[i]);

        if (value >= 0) {
            out->id[digits / 16] = out->id[digits / 16] << 4 | (uint64_t) value;
            digits++;
        }
    }
    if (fd >= 0) {
        (void) close(fd);
    }
}

uint64_t
pn_index_boot_ms(void)
{
    struct timespec ts = {0};

    /* Counts through suspend, and nobody can set it. */
    (void) clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

bool
pn_index_page_is_stale(const struct pn_index_page *page,
                       const struct pn_index_boot *boot, uint64_t now_ms)
{
    uint64_t limit_ms = (uint64_t) atomic_load_explicit(&page->stale_after_s,
                                                        memory_order_relaxed)
                        * 1000;
    uint64_t beat =
        atomic_load_explicit(&page->beat_boot_ms, memory_order_relaxed);

    if (limit_ms == 0) {
        return false;
    }
    for (size_t i = 0; i < PN_LEN(boot->id); i++) {
        if (atomic_load_explicit(&page->boot_id[i], memory_order_relaxed)
            != boot->id[i])
        {
            return true; /* nobody wrote since the machine started */
        }
    }
    /* A beat a moment ahead of us was written between our two reads. */
    return beat < now_ms ? now_ms - beat > limit_ms : beat - now_ms > limit_ms;
}

/* One file descriptor's worth of map_open. */
static enum pn_err
map_fd(int fd, int protection, struct pn_index_map *out)
{
    struct stat st;
    void *at;

    if (fstat(fd, &st) != 0) {
        return pn_index_errno();
    }
    at = mmap(NULL, PN_INDEX_PAGE_LEN, protection, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        return pn_index_errno();
    }
    out->page = at;
    out->device = st.st_dev;
    out->inode = st.st_ino;
    return PN_OK;
}

/* What stands in the file, read rather than mapped: a mapping past the end of
 * a truncated file is SIGBUS. */
static enum pn_err
check_fd(int fd)
{
    char bytes[PN_INDEX_PAGE_LEN];
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return pn_index_errno();
    }
    if (!S_ISREG(st.st_mode) || st.st_size != PN_INDEX_PAGE_LEN) {
        return PN_E_DAMAGED;
    }
    if (pread(fd, bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes)) {
        return PN_E_DAMAGED;
    }
    return pn_index_page_check((struct pn_str){bytes, sizeof(bytes)});
}

enum pn_err
pn_index_map_open(const char *dir, struct pn_index_map *out)
{
    char path[PN_INDEX_PATH_MAX];
    enum pn_err err;
    int fd;

    pn_index_path(path, dir, "current");
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return pn_index_errno();
    }
    err = check_fd(fd);
    if (err == PN_OK) {
        err = map_fd(fd, PROT_READ, out);
    }
    (void) close(fd);
    return err;
}

bool
pn_index_map_is_current(const struct pn_index_map *map, const char *dir)
{
    char path[PN_INDEX_PATH_MAX];
    struct stat st;

    pn_index_path(path, dir, "current");
    return stat(path, &st) == 0 && st.st_dev == map->device
           && st.st_ino == map->inode && st.st_size == PN_INDEX_PAGE_LEN;
}

static void
page_init(struct pn_index_page *page)
{
    struct timespec ts = {0};

    memset(page, 0, sizeof(*page));
    memcpy(page->magic, PN_INDEX_PAGE_MAGIC, sizeof(page->magic));
    page->format = PN_INDEX_FORMAT;
    page->page_len = PN_INDEX_PAGE_LEN;
    /* Never a version that some reader compiled from a page before this. */
    (void) clock_gettime(CLOCK_REALTIME, &ts);
    atomic_store(&page->policy_version,
                 (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec);
}

static enum pn_err
write_page(int fd)
{
    struct pn_index_page page;

    page_init(&page);
    if (ftruncate(fd, PN_INDEX_PAGE_LEN) != 0
        || pwrite(fd, &page, sizeof(page), 0) != (ssize_t) sizeof(page)
        || fsync(fd) != 0)
    {
        return pn_index_errno();
    }
    return PN_OK;
}

/* The first page comes by link(2) under a name of its own, so that a reader
 * never sees half of it. */
static enum pn_err
first_page(const char *dir)
{
    char draft[PN_INDEX_PATH_MAX];
    char path[PN_INDEX_PATH_MAX];
    enum pn_err err;
    int fd;

    pn_index_path(draft, dir, "current.new");
    pn_index_path(path, dir, "current");
    (void) unlink(draft);
    fd = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        return pn_index_errno();
    }
    err = write_page(fd);
    if (err == PN_OK && link(draft, path) != 0) {
        err = pn_index_errno();
    }
    (void) close(fd);
    (void) unlink(draft);
    return err == PN_OK ? pn_index_sync_dir(dir) : err;
}

enum pn_err
pn_index_map_create(const char *dir, gid_t gid, struct pn_index_map *out)
{
    char path[PN_INDEX_PATH_MAX];
    enum pn_err err = PN_OK;
    int fd;

    pn_index_path(path, dir, "current");
    fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        err = first_page(dir);
        fd = err == PN_OK ? open(path, O_RDWR | O_CLOEXEC) : -1;
    }
    if (fd < 0) {
        return err == PN_OK ? pn_index_errno() : err;
    }
    err = check_fd(fd);
    if (err == PN_E_DAMAGED || err == PN_E_VERSION) {
        err = write_page(fd);
    }
    if (err == PN_OK) {
        err = pn_index_give(path, PN_INDEX_DATA_MODE, gid);
    }
    if (err == PN_OK) {
        err = map_fd(fd, PROT_READ | PROT_WRITE, out);
    }
    (void) close(fd);
    return err;
}

void
pn_index_map_done(struct pn_index_map *map)
{
    if (map->page != NULL) {
        (void) munmap(map->page, PN_INDEX_PAGE_LEN);
    }
    memset(map, 0, sizeof(*map));
}
