/* SPDX-License-Identifier: Apache-2.0 */
/* Directories, modes and groups of an index. */
#include "index/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum pn_err
pn_index_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return PN_E_NOT_FOUND;
    case EACCES:
    case EPERM:
        return PN_E_PERMISSION;
    case ENOMEM:
        return PN_E_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return PN_E_NO_SPACE;
    case EWOULDBLOCK:
        return PN_E_BUSY;
    default:
        return PN_E_IO;
    }
}

void
pn_index_path(char out[PN_INDEX_PATH_MAX], const char *dir, const char *name)
{
    (void) snprintf(out, PN_INDEX_PATH_MAX, "%s%s%s", dir,
                    name == NULL ? "" : "/", name == NULL ? "" : name);
}

void
pn_index_generation_path(char out[PN_INDEX_PATH_MAX], const char *dir,
                         uint64_t generation, const char *name)
{
    (void) snprintf(out, PN_INDEX_PATH_MAX, "%s/%" PRIu64 "%s%s", dir,
                    generation, name == NULL ? "" : "/",
                    name == NULL ? "" : name);
}

enum pn_err
pn_index_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pn_err err = PN_OK;

    if (fd < 0) {
        return pn_index_errno();
    }
    if (fsync(fd) != 0) {
        err = pn_index_errno();
    }
    (void) close(fd);
    return err;
}

enum pn_err
pn_index_give(const char *path, mode_t mode, gid_t gid)
{
    if (gid != (gid_t) -1 && chown(path, (uid_t) -1, gid) != 0) {
        return pn_index_errno();
    }
    return chmod(path, mode) == 0 ? PN_OK : pn_index_errno();
}

enum pn_err
pn_index_make_dir(const char *path, gid_t gid)
{
    struct stat st;

    if (mkdir(path, PN_INDEX_DIR_MODE) == 0) {
        return pn_index_give(path, PN_INDEX_DIR_MODE, gid);
    }
    if (errno != EEXIST) {
        return pn_index_errno();
    }
    if (stat(path, &st) != 0) {
        return pn_index_errno();
    }
    if (gid == (gid_t) -1 || st.st_gid == gid) {
        return PN_OK;
    }
    /* An administrator's mode stays; the group is ours to see to. */
    return pn_index_give(path, st.st_mode & 07777, gid);
}

enum pn_err
pn_index_group(const char *name, gid_t *out)
{
    enum { GROUP_BYTES = 65536 };

    struct group entry;
    struct group *found = NULL;
    char *bytes;
    int rc;

    if (name == NULL) {
        *out = (gid_t) -1;
        return PN_OK;
    }
    bytes = malloc(GROUP_BYTES);
    if (bytes == NULL) {
        return PN_E_NOMEM;
    }
    rc = getgrnam_r(name, &entry, bytes, GROUP_BYTES, &found);
    if (rc == 0 && found != NULL) {
        *out = entry.gr_gid;
    }
    free(bytes);
    if (rc != 0) {
        return PN_E_IO;
    }
    return found != NULL ? PN_OK : PN_E_RANGE;
}

uint64_t
pn_index_generation_of(const char *name)
{
    uint64_t value = 0;

    if (*name == '0') {
        return 0; /* we write no leading zeros */
    }
    for (; *name != '\0'; name++) {
        if (*name < '0' || *name > '9' || value > UINT64_MAX / 100) {
            return 0;
        }
        value = value * 10 + (uint64_t) (*name - '0');
    }
    return value;
}

void
pn_index_remove_generation(const char *dir, uint64_t generation)
{
    char path[PN_INDEX_PATH_MAX];

    /* The data first: without it nobody can open what is left. */
    pn_index_generation_path(path, dir, generation, "data.mdb");
    (void) unlink(path);
    pn_index_generation_path(path, dir, generation, "lock.mdb");
    (void) unlink(path);
    pn_index_generation_path(path, dir, generation, NULL);
    (void) rmdir(path);
}

enum pn_err
pn_index_last_generation(const char *dir, uint64_t *out)
{
    DIR *stream = opendir(dir);
    struct dirent *entry;
    uint64_t last = 0;

    if (stream == NULL) {
        return pn_index_errno();
    }
    /* The stream is this call's own, which readdir(3) allows. */
    while ((entry = readdir(stream)) != NULL) { /* NOLINT(concurrency-*) */
        uint64_t generation = pn_index_generation_of(entry->d_name);

        last = generation > last ? generation : last;
    }
    (void) closedir(stream);
    *out = last;
    return PN_OK;
}
