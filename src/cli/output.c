/* SPDX-License-Identifier: Apache-2.0 */
/* Long answers to a file. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum pn_exit
pn_output_open(struct pn_output *out, const char *path, const char *what)
{
    int fd;

    *out = (struct pn_output){
        .path = path, .file = stdout, .progress = {.what = what}};
    if (path != NULL) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY,
                  0600);
        out->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    }
    if (out->file == NULL) {
        pn_say("cannot make '%s': %s", path, strerrordesc_np(errno));
        return PN_EXIT_ERROR;
    }
    pn_progress_begin(&out->progress);
    return PN_EXIT_OK;
}

bool
pn_output_take(void *arg, struct pn_str piece)
{
    struct pn_output *out = arg;

    for (size_t i = 0; i < piece.len; i++) {
        out->lines += piece.ptr[i] == '\n';
    }
    out->failed |= fwrite(piece.ptr, 1, piece.len, out->file) != piece.len;
    pn_progress_show(&out->progress, out->lines);
    return !out->failed;
}

enum pn_exit
pn_output_close(struct pn_output *out, enum pn_exit rc)
{
    bool bad = fflush(out->file) != 0 || out->failed;

    if (out->file != stdout) {
        bad = fsync(fileno(out->file)) != 0 || bad;
        bad = fclose(out->file) != 0 || bad;
    }
    pn_progress_end(&out->progress, out->lines);
    if (bad) {
        pn_say("cannot write '%s': %s", out->path != NULL ? out->path : "-",
               strerrordesc_np(errno));
        return PN_EXIT_ERROR;
    }
    if (rc != PN_EXIT_OK) {
        pn_say("the export is not complete");
    }
    return rc;
}
