/* SPDX-License-Identifier: Apache-2.0 */
/* Prompts on the terminal, and secrets from files. */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/files.h"

enum echo { ECHO_ON = 0, ECHO_OFF };

/* The terminal is asked, not standard input: that may be a pipe of data.  But
 * nobody sits in front of a program whose input and messages go elsewhere. */
static int
open_terminal(void)
{
    if (!isatty(STDIN_FILENO)) {
        return -1;
    }
    return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

static void
put(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0) {
        return; /* nobody to tell */
    }
}

/* One line from the terminal; false when it ended or was too long. */
static bool
read_line(int fd, char *line, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t got = read(fd, line + len, 1);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        if (line[len] == '\n' || line[len] == '\r') {
            line[len] = '\0';
            return true;
        }
        len++;
    }
    return false;
}

static bool
ask(int fd, const char *question, enum echo echo, char *line, size_t size)
{
    struct termios before, quiet;
    sigset_t stop, kept;
    bool good, hushed = false;

    /* Ctrl-C must not leave a terminal without echo behind. */
    (void) sigemptyset(&stop);
    (void) sigaddset(&stop, SIGINT);
    (void) sigaddset(&stop, SIGTERM);
    (void) sigaddset(&stop, SIGTSTP);
    if (echo == ECHO_OFF && tcgetattr(fd, &before) == 0) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t) (ECHO | ISIG);
        (void) pthread_sigmask(SIG_BLOCK, &stop, &kept);
        hushed = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    }
    put(fd, question);
    put(fd, ": ");
    good = read_line(fd, line, size);
    if (hushed) {
        (void) tcsetattr(fd, TCSAFLUSH, &before);
        put(fd, "\n");
        (void) pthread_sigmask(SIG_SETMASK, &kept, NULL);
    }
    if (good && strchr(line, 0x03) != NULL) { /* Ctrl-C, without ISIG */
        good = false;
    }
    return good;
}

static enum pn_exit
from_file(const struct pn_cli *cli, const char *option, const char *path,
          struct pn_secret *out)
{
    struct pn_str text = {NULL, 0};
    enum pn_err err = pn_file_read(path, PN_SECRET_MAX + 1, cli->arena, &text);
    enum pn_exit rc = PN_EXIT_ERROR;

    if (err == PN_E_IO) {
        pn_say("cannot read '%s': %s", path, strerrordesc_np(errno));
        return PN_EXIT_ERROR;
    }
    if (err != PN_OK) {
        pn_say("cannot read '%s': %s", path, pn_err_text(err));
        return PN_EXIT_ERROR;
    }
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
    }
    if (text.len > 0 && text.ptr[text.len - 1] == '\r') {
        text.len--;
    }
    if (text.len == 0) {
        pn_say("the file of --%s is empty", option);
    } else if (memchr(text.ptr, '\n', text.len) != NULL) {
        pn_say("the file of --%s has more than one line", option);
    } else if (pn_secret_set(out, text) == PN_OK) {
        rc = PN_EXIT_OK;
    } else {
        pn_say("the file of --%s is too long", option);
    }
    return rc;
}

static enum pn_exit
from_terminal(int fd, const char *question, enum pn_prompt prompt,
              struct pn_secret *out)
{
    char first[PN_SECRET_MAX + 1] = "", again[PN_SECRET_MAX + 1] = "";
    enum pn_exit rc = PN_EXIT_ERROR;

    if (!ask(fd, question, ECHO_OFF, first, sizeof(first)) || first[0] == '\0')
    {
        pn_say("nothing was entered");
    } else if (prompt == PN_PROMPT_TWICE
               && (!ask(fd, "The same again", ECHO_OFF, again, sizeof(again))
                   || strcmp(first, again) != 0))
    {
        pn_say("the two entries differ");
    } else if (pn_secret_set(out, pn_str_from(first)) == PN_OK) {
        rc = PN_EXIT_OK;
    }
    pn_wipe(first, sizeof(first));
    pn_wipe(again, sizeof(again));
    return rc;
}

enum pn_exit
pn_input_secret(const struct pn_cli *cli, const char *option,
                const char *question, enum pn_prompt prompt,
                struct pn_secret *out)
{
    const char *path = pn_cli_value(cli, option);
    enum pn_exit rc;
    int fd;

    if (path != NULL) {
        return from_file(cli, option, path, out);
    }
    fd = open_terminal();
    if (fd < 0) {
        return pn_cli_usage(cli,
                            "no terminal to ask on; use --%s FILE, or "
                            "--%s - for standard input",
                            option, option);
    }
    rc = from_terminal(fd, question, prompt, out);
    (void) close(fd);
    return rc;
}

enum pn_exit
pn_input_line(const struct pn_cli *cli, const char *option,
              const char *question, const char **out)
{
    char line[256] = "";
    int fd = open_terminal();
    bool good;

    if (fd < 0) {
        return pn_cli_usage(cli, "no terminal to ask on; use --%s", option);
    }
    good = ask(fd, question, ECHO_ON, line, sizeof(line)) && line[0] != '\0';
    (void) close(fd);
    if (!good) {
        pn_say("nothing was entered");
        return PN_EXIT_ERROR;
    }
    *out = pn_arena_dup(cli->arena, pn_str_from(line));
    return *out != NULL ? PN_EXIT_OK : pn_cli_nomem();
}

enum pn_exit
pn_input_confirm(const struct pn_cli *cli, const char *question)
{
    char line[16] = "";
    int fd;
    bool yes;

    if (pn_cli_has(cli, "yes")) {
        return PN_EXIT_OK;
    }
    fd = open_terminal();
    if (fd < 0) {
        return PN_EXIT_OK;
    }
    yes = ask(fd, question, ECHO_ON, line, sizeof(line))
          && (strcmp(line, "y") == 0 || strcmp(line, "yes") == 0);
    (void) close(fd);
    if (!yes) {
        pn_say("nothing was changed");
        return PN_EXIT_ERROR;
    }
    return PN_EXIT_OK;
}
