// camera MODE RATE FRAMES: grabs frames from the IIDC camera on the bus with libdc1394, and prints for each what its first four bytes hold
// (the test picture's number), and a hash of all: "frame NUMBER HASH". The status is 0 when all came.
#include <dc1394/dc1394.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int wrong(const char *what, dc1394error_t error)
{
	printf("not ok %s: %s\n", what, dc1394_error_get_string(error));
	return 1;
}

// FNV-1a, 64 bits.
static uint64_t hash(const unsigned char *bytes, uint64_t count)
{
	uint64_t value = 14695981039346656037ULL;

	for (uint64_t i = 0; i < count; i++)
		value = (value ^ bytes[i]) * 1099511628211ULL;
	return value;
}

int main(int argc, char **argv)
{
	dc1394_t *library = dc1394_new();
	dc1394camera_list_t *list;
	dc1394error_t error;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 4 || !library)
		return 2;
	if ((error = dc1394_camera_enumerate(library, &list)) != DC1394_SUCCESS || list->num == 0)
		return wrong("enumerate", error);
	dc1394camera_t *camera = dc1394_camera_new(library, list->ids[0].guid);
	if (!camera)
		return wrong("camera", DC1394_CAMERA_NOT_INITIALIZED);
	printf("camera %016" PRIx64 " %s, %s, IIDC %d\n", camera->guid, camera->vendor, camera->model, camera->iidc_version);

	dc1394video_modes_t modes;
	dc1394framerates_t rates;
	dc1394video_mode_t mode = DC1394_VIDEO_MODE_160x120_YUV444 + atoi(argv[1]);
	if ((error = dc1394_video_get_supported_modes(camera, &modes)) != DC1394_SUCCESS)
		return wrong("modes", error);
	for (unsigned i = 0; i < modes.num; i++) {
		if ((error = dc1394_video_get_supported_framerates(camera, modes.modes[i], &rates)) != DC1394_SUCCESS)
			return wrong("rates", error);
		printf("mode %d rates %d\n", modes.modes[i] - DC1394_VIDEO_MODE_160x120_YUV444, rates.num);
	}
	uint32_t brightness;
	if ((error = dc1394_feature_get_value(camera, DC1394_FEATURE_BRIGHTNESS, &brightness)) != DC1394_SUCCESS)
		return wrong("brightness", error);
	printf("brightness %u\n", brightness);
	if ((error = dc1394_video_set_iso_speed(camera, DC1394_ISO_SPEED_400)) != DC1394_SUCCESS
		|| (error = dc1394_video_set_mode(camera, mode)) != DC1394_SUCCESS
		|| (error = dc1394_video_set_framerate(camera, DC1394_FRAMERATE_1_875 + atoi(argv[2]))) != DC1394_SUCCESS)
		return wrong("settings", error);
	if ((error = dc1394_capture_setup(camera, 16, DC1394_CAPTURE_FLAGS_DEFAULT)) != DC1394_SUCCESS)
		return wrong("capture", error);
	if ((error = dc1394_video_set_transmission(camera, DC1394_ON)) != DC1394_SUCCESS)
		return wrong("transmission", error);
	for (int i = 0; i < atoi(argv[3]); i++) {
		dc1394video_frame_t *frame;

		if ((error = dc1394_capture_dequeue(camera, DC1394_CAPTURE_POLICY_WAIT, &frame)) != DC1394_SUCCESS || !frame)
			return wrong("frame", error);
		if (dc1394_capture_is_frame_corrupt(camera, frame))
			printf("not ok frame %d is corrupt\n", i);
		const unsigned char *b = frame->image;
		printf("frame %u %016" PRIx64 "\n", (unsigned)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3], hash(b, frame->image_bytes));
		dc1394_capture_enqueue(camera, frame);
	}
	dc1394_video_set_transmission(camera, DC1394_OFF);
	dc1394_capture_stop(camera);
	dc1394_camera_free(camera);
	dc1394_camera_free_list(list);
	dc1394_free(library);
	return 0;
}
