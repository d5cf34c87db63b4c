// serve: offers 64 KiB to all nodes at 0xfffff0010000, through Linux's /dev/fw0, which may read, write and compare-swap them. Says "serving", then
// one line for what it refuses.
#include <errno.h>
#include <fcntl.h>
#include <linux/firewire-cdev.h>
#include <linux/firewire-constants.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MEMORY 0xfffff0010000ULL
#define BYTES 65536

static uint8_t memory[BYTES], old[8];

/* What is answered; *from and *length are the answer's data. */
static int serve(const struct fw_cdev_event_request2 *request, const void **from, uint32_t *length)
{
	uint8_t *place = memory + (request->offset - MEMORY);
	const uint8_t *data = (const uint8_t *)request->data;
	uint32_t width = request->length / 2;

	*length = 0;
	if (request->offset - MEMORY >= BYTES || (request->tcode < TCODE_LOCK_MASK_SWAP && request->length > BYTES - (request->offset - MEMORY)))
		return RCODE_ADDRESS_ERROR;
	switch (request->tcode) {
	case TCODE_WRITE_QUADLET_REQUEST:
	case TCODE_WRITE_BLOCK_REQUEST:
		memcpy(place, data, request->length);
		return RCODE_COMPLETE;
	case TCODE_READ_QUADLET_REQUEST:
	case TCODE_READ_BLOCK_REQUEST:
		*from = place;
		*length = request->length;
		return RCODE_COMPLETE;
	case TCODE_LOCK_COMPARE_SWAP:
		if ((width != 4 && width != 8) || request->offset % width != 0)
			return RCODE_TYPE_ERROR;
		memcpy(old, place, width);
		if (memcmp(place, data, width) == 0)
			memcpy(place, data + width, width);
		*from = old;
		*length = width;
		return RCODE_COMPLETE;
	}
	return RCODE_TYPE_ERROR;
}

int main(void)
{
	struct fw_cdev_event_bus_reset reset;
	struct fw_cdev_get_info info = { .version = 4, .bus_reset = (uintptr_t)&reset };
	/* Linux wants room for argument and value of a lock, not for what it locks. */
	struct fw_cdev_allocate allocate = { .offset = MEMORY, .length = BYTES + 8, .region_end = MEMORY + BYTES + 8 };
	static union {
		struct fw_cdev_event_common common;
		struct fw_cdev_event_request2 request;
		char room[sizeof(struct fw_cdev_event_request2) + 8192];
	} event;
	int device = open("/dev/fw0", O_RDWR);

	if (device < 0 || ioctl(device, FW_CDEV_IOC_GET_INFO, &info) < 0 || ioctl(device, FW_CDEV_IOC_ALLOCATE, &allocate) < 0) {
		perror("/dev/fw0");
		return 1;
	}
	printf("serving\n");
	fflush(stdout);
	while (read(device, &event, sizeof(event)) > 0) {
		struct fw_cdev_send_response answer = { .handle = event.request.handle };
		const void *from = NULL;

		if (event.common.type != FW_CDEV_EVENT_REQUEST2)
			continue;
		answer.rcode = serve(&event.request, &from, &answer.length);
		answer.data = (uintptr_t)from;
		if (answer.rcode != RCODE_COMPLETE)
			printf("refused tcode %x, %u bytes at %llx\n", event.request.tcode, event.request.length, (unsigned long long)event.request.offset);
		if (ioctl(device, FW_CDEV_IOC_SEND_RESPONSE, &answer) < 0)
			printf("no response: %s\n", strerror(errno));
		fflush(stdout);
	}
	return 0;
}
