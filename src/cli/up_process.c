/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, watching and ending the two processes of "postern up". */
#include "cli/up_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 10000,
    HURRY_MS = 2000,
    TAIL_BYTES = 4096,
    TAIL_LINES = 6
};

static sigset_t watched;

void
pn_children_init(void)
{
    (void) sigemptyset(&watched);
    (void) sigaddset(&watched, SIGINT);
    (void) sigaddset(&watched, SIGTERM);
    (void) sigaddset(&watched, SIGHUP);
    (void) sigaddset(&watched, SIGCHLD);
    (void) pthread_sigmask(SIG_BLOCK, &watched, NULL);
}

/* In the child: never returns. */
static void
become(const struct pn_child *child, pid_t parent, int output)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void) setpgid(0, 0);

    /* When postern is killed outright, its children must not stay behind. */
    (void) prctl(PR_SET_PDEATHSIG, child->stop);
    if (getppid() != parent) {
        _exit(1);
    }
    (void) sigemptyset(&none);
    (void) pthread_sigmask(SIG_SETMASK, &none, NULL);
    (void) signal(SIGPIPE, SIG_DFL);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0
        || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
    {
        _exit(1);
    }
    (void) execv(child->argv[0], child->argv);
    (void) dprintf(STDERR_FILENO, "cannot run '%s': error %d\n", child->argv[0],
                   errno);
    _exit(127);
}

enum pn_exit
pn_child_start(struct pn_child *child)
{
    pid_t parent = getpid(), pid;
    int output = open(child->output,
                      O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW
                          | (child->keep == KEEP_OUTPUT ? O_APPEND : O_TRUNC),
                      0600);

    if (output < 0) {
        pn_say("cannot write '%s': %s", child->output, strerrordesc_np(errno));
        return PN_EXIT_ERROR;
    }
    pid = fork();
    if (pid == 0) {
        become(child, parent, output);
    }
    (void) close(output);
    if (pid < 0) {
        pn_say("cannot start %s: %s", child->name, strerrordesc_np(errno));
        return PN_EXIT_ERROR;
    }
    (void) setpgid(pid, pid); /* either side may be first */
    child->pid = pid;
    return PN_EXIT_OK;
}

/* True when one has ended. */
static bool
reap(struct pn_child *children, size_t count)
{
    bool ended = false;

    for (size_t i = 0; i < count; i++) {
        int status;

        if (children[i].pid > 0
            && waitpid(children[i].pid, &status, WNOHANG) == children[i].pid)
        {
            /* nginx's workers may outlive a master that was killed. */
            (void) kill(-children[i].pid, SIGKILL);
            children[i].pid = 0;
            children[i].status = status;
            children[i].ended = true;
            ended = true;
        }
    }
    return ended;
}

enum pn_event
pn_children_wait(struct pn_child *children, size_t count, int ms)
{
    const struct timespec limit = {.tv_sec = ms / 1000,
                                   .tv_nsec = (ms % 1000) * 1000000L};

    for (;;) {
        int got = ms < 0 ? sigwaitinfo(&watched, NULL)
                         : sigtimedwait(&watched, NULL, &limit);

        if (got < 0 && errno == EAGAIN) {
            return PN_EVENT_NOTHING;
        }
        if (got == SIGCHLD) {
            if (reap(children, count)) {
                return PN_EVENT_ENDED;
            }
        } else if (got > 0) {
            return PN_EVENT_STOP;
        }
    }
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
pn_child_stop(struct pn_child *child)
{
    const struct {
        int signal, ms;
    } steps[] = {{child->stop, PATIENCE_MS},
                 {SIGTERM, HURRY_MS},
                 {SIGKILL, PATIENCE_MS}};

    for (size_t i = 0; i < PN_LEN(steps) && child->pid > 0; i++) {
        int64_t until = now_ms() + steps[i].ms, left;

        (void) kill(steps[i].signal == SIGKILL ? -child->pid : child->pid,
                    steps[i].signal);
        while (child->pid > 0 && (left = until - now_ms()) > 0) {
            if (pn_children_wait(child, 1, (int) left) == PN_EVENT_STOP) {
                break; /* in a hurry: the next step */
            }
        }
    }
}

/* The last lines of a file; "" when there are none. */
static const char *
tail(const char *path, struct pn_arena *arena)
{
    char *text = pn_arena_alloc(arena, TAIL_BYTES + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    ssize_t len = 0;
    unsigned lines = 0;

    if (fd >= 0 && text != NULL && fstat(fd, &st) == 0) {
        off_t from = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;

        len = pread(fd, text, TAIL_BYTES, from);
    }
    if (fd >= 0) {
        (void) close(fd);
    }
    while (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    if (len <= 0) {
        return "";
    }
    text[len] = '\0';
    while (len > 0 && lines < TAIL_LINES) {
        len--;
        lines += text[len] == '\n';
    }
    return text + len + (text[len] == '\n');
}

void
pn_child_say_end(const struct pn_child *child, struct pn_arena *arena)
{
    const char *words = tail(child->output, arena);

    if (WIFSIGNALED(child->status)) {
        pn_say("%s was ended by signal %d", child->name,
               WTERMSIG(child->status));
    } else {
        pn_say("%s ended with status %d", child->name,
               WEXITSTATUS(child->status));
    }
    if (words[0] == '\0' && child->log != NULL) {
        words = tail(child->log, arena);
    }
    if (words[0] != '\0') {
        pn_say("its last words:\n%s", words);
    }
}
