/* SPDX-License-Identifier: MIT
 *
 * Addresses as text. An address that is accepted prints as one that is
 * accepted, too, and prints as itself; one that is refused has a reason.
 *
 * Rooms: net
 */
#include "net/address.h"
#include "fuzz/fuzz.h"
#include "net/scheme.h"
#include <string.h>

static const struct scheme *const schemes[] = {&scheme_tcp, &scheme_udp, &scheme_unix, &scheme_fd, NULL};

/* The address of a URI that is sound; false for a descriptor's. */
static bool parse(const char *uri, struct address *ret_address, bool *ret_local)
{
    size_t size = 0;
    const char *rest = address_split(uri, &size);

    CHECK(rest != NULL);
    CHECK(rest == uri + size + 3);
    *ret_local = strncmp(uri, "unix://", 7) == 0;
    if (strncmp(uri, "fd://", 5) == 0)
        return false;
    CHECK((*ret_local ? address_parse_local : address_parse_ip)(rest, ret_address) == ADDRESS_SOUND);
    return true;
}

static void print(const struct address *address, bool udp, char text[COIR_ADDRESS_SIZE])
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};

    CHECK(address->size > 0);
    CHECK(address->size <= (address->any.sa_family == AF_UNIX ? sizeof(address->local) : sizeof(address->ip6)));
    memcpy(&storage, &address->any, address->size);
    address_print(udp ? "udp" : "tcp", &storage, text);
    CHECK(memchr(text, '\0', COIR_ADDRESS_SIZE) != NULL);
}

static void check_round(const char *uri)
{
    struct address address, again;
    char text[COIR_ADDRESS_SIZE], second[COIR_ADDRESS_SIZE];
    bool local, still_local;
    bool udp = strncmp(uri, "udp://", 6) == 0;

    if (!parse(uri, &address, &local))
        return;
    (void)address_is_every(&address);
    print(&address, udp, text);
    CHECK(scheme_check(schemes, text) == ADDRESS_SOUND);
    CHECK(parse(text, &again, &still_local));
    CHECK(local == still_local);
    print(&again, udp, second);
    CHECK(strcmp(text, second) == 0);
}

/* What the kernel may say an address is. */
static void check_print(const uint8_t *bytes, size_t size)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
    char text[COIR_ADDRESS_SIZE];

    memcpy(&storage, bytes, size < sizeof(storage) ? size : sizeof(storage));
    address_print("tcp", &storage, text);
    CHECK(memchr(text, '\0', sizeof(text)) != NULL);
    CHECK(address_size(&storage) <= sizeof(storage));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *uri = malloc(size + 1); /* as long as the text, so that reading on is noticed */
    enum address_flaw flaw;

    CHECK(uri != NULL);
    if (size > 0)
        memcpy(uri, bytes, size);
    uri[size] = '\0';
    flaw = scheme_check(schemes, uri);
    if (flaw == ADDRESS_SOUND) {
        CHECK(address_flaw_code(flaw) == 0);
        check_round(uri);
    } else {
        CHECK(address_flaw_code(flaw) < 0);
        CHECK(address_flaw_text(flaw) != NULL);
    }
    free(uri);
    check_print(bytes, size);
    return 0;
}
