config wbe
