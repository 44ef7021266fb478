/* SPDX-License-Identifier: MIT
 *
 * Results as JSON, from anywhere. A file is refused with a reason that names
 * it, or read: then it makes a page, and what is written of it reads as the same.
 */
#include "fuzz/fuzz.h"
#include "load/page/page.h"
#include "load/result/json.h"
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct file {
    int fd;
    char path[64];
};

static struct load_result result, again;

static void open_file(struct file *file)
{
    if (file->path[0] != '\0')
        return;
    file->fd = memfd_create("result", MFD_CLOEXEC);
    CHECK(file->fd >= 0);
    snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
}

static void put(struct file *file, const uint8_t *bytes, size_t size)
{
    open_file(file);
    CHECK(ftruncate(file->fd, 0) == 0);
    CHECK(pwrite(file->fd, bytes, size, 0) == (ssize_t)size);
}

/* Of two: the second is the first, or there is none. */
static size_t write_page(const struct load_result *other)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    CHECK(stream != NULL);
    page_write(stream, &result, "first", other, "second");
    fclose(stream);
    CHECK(size > 0 && strlen(text) == size);
    CHECK(strcmp(text + size - strlen("</html>\n"), "</html>\n") == 0);
    CHECK(strstr(text, "=\"nan") == NULL && strstr(text, "=\"inf") == NULL && strstr(text, "=\"-nan") == NULL);
    free(text);
    return size;
}

static void check_round(void)
{
    char path[] = "/tmp/coir-fuzz-XXXXXX";
    char reason[RESULT_JSON_REASON_SIZE];
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    close(fd);
    CHECK(result_json_write(&result, path, reason));
    CHECK(result_json_read(path, &again, reason));
    unlink(path);
    CHECK(again.messages == result.messages && again.point_count == result.point_count);
    CHECK(memcmp(&again.latency, &result.latency, sizeof(again.latency)) == 0);
    CHECK(memcmp(again.errors, result.errors, sizeof(again.errors)) == 0);
    CHECK(strcmp(again.settings.uri, result.settings.uri) == 0);
    CHECK(load_result_rate(&again) >= 0);
    (void)load_result_merge(&again, &result);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct file file;
    char reason[RESULT_JSON_REASON_SIZE] = "";
    bool is_read;

    put(&file, bytes, size);
    is_read = result_json_read(file.path, &result, reason);
    if (!result_json_is_there()) {
        CHECK(!is_read);
        return 0;
    }
    CHECK(is_read == (reason[0] == '\0'));
    if (!is_read) {
        CHECK(strncmp(reason, file.path, strlen(file.path)) == 0);
        return 0;
    }
    write_page(NULL);
    write_page(&result);
    check_round();
    return 0;
}
