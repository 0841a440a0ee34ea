/* SPDX-License-Identifier: Apache-2.0 */
/* Small files: read whole, written whole and at once. */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum pn_err
pn_file_read(const char *path, size_t max, struct pn_arena *arena,
             struct pn_str *out)
{
    int fd = STDIN_FILENO;
    size_t len = 0;
    char *text = pn_arena_alloc(arena, max + 2);
    enum pn_err err = PN_E_IO;

    if (text == NULL) {
        return PN_E_NOMEM;
    }
    if (strcmp(path, "-") != 0) {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0) {
            return PN_E_IO;
        }
    }
    for (;;) {
        ssize_t got = read(fd, text + len, max + 1 - len);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            goto out;
        }
        if (got == 0) {
            break;
        }
        len += (size_t) got;
        if (len > max) {
            err = PN_E_TOO_LONG;
            goto out;
        }
    }
    text[len] = '\0';
    *out = (struct pn_str){text, len};
    err = PN_OK;

out:
    if (fd != STDIN_FILENO) {
        int kept = errno;

        (void) close(fd);
        errno = kept;
    }
    return err;
}

/* All of text into fd, which is closed; false with errno. */
static bool
fill(int fd, unsigned mode, struct pn_str text)
{
    bool good = fchmod(fd, mode) == 0;
    size_t done = 0;
    int kept;

    while (good && done < text.len) {
        ssize_t put = write(fd, text.ptr + done, text.len - done);

        if (put >= 0) {
            done += (size_t) put;
        } else {
            good = errno == EINTR;
        }
    }
    good = good && fsync(fd) == 0;
    kept = errno;
    (void) close(fd);
    errno = kept;
    return good;
}

enum pn_err
pn_file_create(const char *path, unsigned mode, struct pn_str text)
{
    int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    if (fd < 0) {
        return errno == EEXIST ? PN_E_EXISTS : PN_E_IO;
    }
    if (!fill(fd, mode, text)) {
        int kept = errno;

        (void) unlink(path);
        errno = kept;
        return PN_E_IO;
    }
    return PN_OK;
}

enum pn_err
pn_file_write(const char *path, unsigned mode, struct pn_str text)
{
    char temp[PATH_MAX];
    int len = snprintf(temp, sizeof(temp), "%s.XXXXXX", path), fd;

    if (len < 0 || (size_t) len >= sizeof(temp)) {
        errno = ENAMETOOLONG;
        return PN_E_IO;
    }
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        return PN_E_IO;
    }
    if (!fill(fd, mode, text) || rename(temp, path) != 0) {
        int kept = errno;

        (void) unlink(temp);
        errno = kept;
        return PN_E_IO;
    }
    return PN_OK;
}

enum pn_err
pn_dir_make(const char *path, unsigned mode)
{
    char copy[PATH_MAX];
    size_t len = strlen(path);
    struct stat st;

    if (len == 0 || len >= sizeof(copy)) {
        errno = ENAMETOOLONG;
        return PN_E_IO;
    }
    memcpy(copy, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (copy[i] != '/') {
            continue;
        }
        copy[i] = '\0';
        if (mkdir(copy, 0755) != 0 && errno != EEXIST) {
            return PN_E_IO;
        }
        copy[i] = '/';
    }
    if (mkdir(copy, mode) == 0) {
        return chmod(copy, mode) == 0 ? PN_OK : PN_E_IO; /* umask */
    }
    if (errno != EEXIST || stat(copy, &st) != 0) {
        return PN_E_IO;
    }
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return PN_E_IO;
    }
    return PN_OK;
}

bool
pn_file_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

uint64_t
pn_file_lines(FILE *file)
{
    static char piece[1 << 16];
    uint64_t lines = 0;
    size_t got;

    if (fseek(file, 0, SEEK_SET) != 0) {
        return 0;
    }
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        for (size_t i = 0; i < got; i++) {
            lines += piece[i] == '\n';
        }
    }
    rewind(file);
    return lines;
}
