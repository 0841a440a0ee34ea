/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: volley PORT REQUESTS PEOPLE
 *
 * PEOPLE is a file with a line "NAME AUTHORIZATION" for each person.  Each of
 * them gets a connection of its own, kept open; all ask at the same time,
 * until REQUESTS answers have arrived, and the body of each answer must be
 * the name of the person whose connection it came on.
 *
 * Prints "answers N refused N wrong N" and ends with 0 whatever they are;
 * with 1 when a connection was closed or the answer is no HTTP.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { PEOPLE_MAX = 1024, NAME_SIZE = 64, ANSWER_MAX = 8192, EVENTS = 64 };

struct person {
    char name[NAME_SIZE];
    char request[1024];
    char answer[ANSWER_MAX];
    size_t got;
    int fd;
};

struct totals {
    unsigned long asked, answers, refused, wrong;
};

static struct person people[PEOPLE_MAX];

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static size_t
read_people(const char *path)
{
    char line[1024];
    size_t count = 0;
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        die(path);
    }
    while (count < PEOPLE_MAX && fgets(line, sizeof(line), file) != NULL) {
        struct person *p = &people[count++];
        char *rest = strchr(line, ' ');

        line[strcspn(line, "\n")] = '\0';
        if (rest == NULL) {
            die("a line without an authorization");
        }
        *rest++ = '\0';
        (void) snprintf(p->name, sizeof(p->name), "%.63s", line);
        (void) snprintf(p->request, sizeof(p->request),
                        "GET / HTTP/1.1\r\nHost: localhost\r\n"
                        "Authorization: %.900s\r\n\r\n",
                        rest);
    }
    (void) fclose(file);
    return count;
}

static void
connect_to(struct person *p, uint16_t port, int poll)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    const int on = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0
        || connect(p->fd, (const struct sockaddr *) &at, sizeof(at)) != 0
        || setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0
        || epoll_ctl(poll, EPOLL_CTL_ADD, p->fd, &event) != 0)
    {
        die("connect");
    }
}

/* A request is far smaller than a socket's buffer: it is written at once. */
static void
ask(struct person *p, struct totals *totals)
{
    size_t size = strlen(p->request);

    if (write(p->fd, p->request, size) != (ssize_t) size) {
        die("write");
    }
    p->got = 0;
    totals->asked++;
}

/* The body, when the answer has arrived to its last byte; otherwise NULL. */
static const char *
whole_body(const struct person *p, size_t *size)
{
    const char *length, *end = strstr(p->answer, "\r\n\r\n");

    if (end == NULL) {
        return NULL;
    }
    length = strcasestr(p->answer, "\r\ncontent-length:");
    if (length == NULL || length > end) {
        die("an answer without a length");
    }
    *size = strtoul(length + sizeof("\r\ncontent-length:") - 1, NULL, 10);
    end += sizeof("\r\n\r\n") - 1;
    return p->got - (size_t) (end - p->answer) < *size ? NULL : end;
}

/* True when the person's answer is complete, and counted. */
static bool
hear(struct person *p, struct totals *totals)
{
    ssize_t got = read(p->fd, p->answer + p->got, ANSWER_MAX - 1 - p->got);
    const char *body;
    size_t size;

    if (got <= 0) {
        die("the connection was closed");
    }
    p->got += (size_t) got;
    p->answer[p->got] = '\0';
    body = whole_body(p, &size);
    if (body == NULL) {
        return false;
    }
    totals->answers++;
    if (strncmp(p->answer, "HTTP/1.1 200 ", 13) != 0) {
        totals->refused++;
    } else if (size != strlen(p->name) || memcmp(body, p->name, size) != 0) {
        totals->wrong++;
        (void) fprintf(stderr, "%s was taken for %.*s\n", p->name, (int) size,
                       body);
    }
    return true;
}

int
main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    struct totals totals = {0};
    int poll = epoll_create1(EPOLL_CLOEXEC);

    if (argc != 4 || poll < 0) {
        (void) fputs("usage: volley PORT REQUESTS PEOPLE\n", stderr);
        return 2;
    }
    const uint16_t port = (uint16_t) strtoul(argv[1], NULL, 10);
    const unsigned long wanted = strtoul(argv[2], NULL, 10);
    const size_t count = read_people(argv[3]);

    for (size_t i = 0; i < count; i++) {
        connect_to(&people[i], port, poll);
    }
    for (size_t i = 0; i < count && totals.asked < wanted; i++) {
        ask(&people[i], &totals);
    }
    while (totals.answers < wanted && count > 0) {
        int ready = epoll_wait(poll, events, EVENTS, -1);

        for (int i = 0; i < ready; i++) {
            struct person *p = events[i].data.ptr;

            if (hear(p, &totals) && totals.asked < wanted) {
                ask(p, &totals);
            }
        }
    }
    (void) printf("answers %lu refused %lu wrong %lu\n", totals.answers,
                  totals.refused, totals.wrong);
    return 0;
}
