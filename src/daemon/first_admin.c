/* SPDX-License-Identifier: Apache-2.0 */
/* The first administrator. */
#include "daemon/first_admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

enum { PATH_BYTES = 4096 };

void
pn_first_admin_take_environment(struct pn_first_admin *admin)
{
    static const char name[] = "POSTERN_ADMIN_PASSWORD";
    char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */

    if (text == NULL) {
        return;
    }
    if (pn_secret_set(&admin->given, pn_str_from(text)) != PN_OK) {
        pn_log(PN_LOG_WARNING, "first_admin_password_too_long", NULL);
    }
    /* /proc/PID/environ keeps showing what exec() was given. */
    pn_wipe(text, strlen(text));
    (void) unsetenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static bool
failed(const char *what, const char *path, const char *why)
{
    pn_log(PN_LOG_ERROR, "first_admin_failed", "what", what, "file", path,
           "error", why, NULL);
    return false;
}

static bool
failed_errno(const char *what, const char *path)
{
    char text[128];

    return failed(what, path, strerror_r(errno, text, sizeof(text)));
}

/* The first line of the file. */
static bool
read_password(const char *path, struct pn_secret *out)
{
    char bytes[PN_SECRET_MAX + 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
    struct pn_str line = {bytes, n > 0 ? (size_t) n : 0};
    enum pn_err err;

    if (fd >= 0) {
        (void) close(fd);
    }
    if (n < 0) {
        return failed_errno("read", path);
    }
    line.len = pn_str_find(line, '\n');
    err = line.len > 0 ? pn_secret_set(out, line) : PN_E_SYNTAX;
    pn_wipe(bytes, sizeof(bytes));
    return err == PN_OK || failed("read", path, pn_err_text(err));
}

/* Made first and renamed last: a file that cannot be written must not cost the
 * only copy of the password. */
static bool
write_password(int fd, const char *made, const char *path,
               const struct pn_secret *password)
{
    char line[PN_SECRET_MAX + 2];
    bool good;

    memcpy(line, password->bytes, password->len);
    line[password->len] = '\n';
    good = write(fd, line, password->len + 1) == (ssize_t) password->len + 1
           && fsync(fd) == 0 && rename(made, path) == 0;
    pn_wipe(line, sizeof(line));
    return good || failed_errno("write", path);
}

static bool
generate(struct pn_ops *ops, const char *path)
{
    struct pn_secret password = {0};
    char made[PATH_BYTES];
    enum pn_err err;
    bool good;
    int fd;

    if (snprintf(made, sizeof(made), "%s.new", path) >= (int) sizeof(made)) {
        return failed("write", path, pn_err_text(PN_E_TOO_LONG));
    }
    (void) unlink(made); /* of a run that was killed */
    fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return failed_errno("create", made);
    }
    err = pn_ops_first_admin(ops, NULL, &password);
    if (err == PN_OK) {
        good = write_password(fd, made, path, &password);
        pn_log(PN_LOG_INFO, "first_admin_made", "file", path, NULL);
    } else {
        (void) unlink(made);
        good = err == PN_E_EXISTS || failed("make", path, pn_err_text(err));
    }
    (void) close(fd);
    pn_secret_done(&password);
    return good;
}

static bool
use_given(struct pn_ops *ops, const struct pn_secret *given)
{
    struct pn_secret password = {0};
    enum pn_err err = pn_ops_first_admin(ops, given, &password);

    pn_secret_done(&password);
    if (err == PN_OK) {
        pn_log(PN_LOG_INFO, "first_admin_made", NULL);
    }
    return err == PN_OK || err == PN_E_EXISTS
           || failed("make", "", pn_err_text(err));
}

bool
pn_first_admin(struct pn_ops *ops, const struct pn_first_admin *admin)
{
    struct pn_secret from_file = {0};
    bool good = true;

    /* With each start but the first: no file is needed then, and a full disk
     * no reason not to start. */
    if (pn_ops_admin_is_missing(ops) == PN_E_EXISTS) {
        return true;
    }
    if (admin->password_file != NULL) {
        good = read_password(admin->password_file, &from_file)
               && use_given(ops, &from_file);
    } else if (admin->given.len > 0) {
        good = use_given(ops, &admin->given);
    } else if (admin->out_file != NULL) {
        good = generate(ops, admin->out_file);
    }
    pn_secret_done(&from_file);
    return good;
}
